import { readFile } from 'node:fs/promises';
import type { Document } from 'yaml';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { Complaint } from './explain.ts';
import { explain } from './explain.ts';
import type { ConfigFile } from './schema.ts';
import { configSchema } from './schema.ts';

/** Reads and checks a config file. Rejects with file-missing, permission-denied or config-invalid. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const missing = ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code);
    throw new TenantDrError(
      missing ? 'file-missing' : 'permission-denied',
      `cannot read the config file: ${reasonOf(error)}`,
      {
        hint: missing
          ? 'check the path, or write one with tenant-dr init'
          : 'check owner and mode of the file',
        cause: error,
      },
    );
  }
  return parseConfig(text, path);
}

/** What the file says. An alias (`*name`, a value that begins with a star) may lead nowhere, or to far too much. */
function valueIn(document: Document, name: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new TenantDrError('config-invalid', `${name} is not YAML: ${reasonOf(error)}`, {
      hint: 'put what begins with * or & into quotes; nothing was done',
      cause: error,
    });
  }
}

/** Checks the text of a config file; `name` is what complaints call it. Throws config-invalid, naming lines. */
export function parseConfig(text: string, name: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new TenantDrError('config-invalid', `${name}:${line}:${col} is not YAML: ${broken.message}`, {
      hint: 'correct that line; nothing was done',
    });
  }
  const checked = configSchema.safeParse(valueIn(document, name) ?? {});
  if (checked.success) return checked.data;
  const complaints = explain(configSchema, checked.error);
  const messages = complaints.map(
    (complaint) => `${name}${place(document, lines, complaint)} ${complaint.message}`,
  );
  throw new TenantDrError('config-invalid', messages.join('\n'), {
    hint:
      complaints.find((complaint) => complaint.hint)?.hint ??
      'correct the line and run the command again; nothing was done',
    facts: { complaints: complaints.map(({ message, hint }) => ({ message, hint: hint ?? null })) },
  });
}

/** `:12:5`, the place of the offending key or value; of what holds it when it is missing. */
function place(document: Document, lines: LineCounter, complaint: Complaint): string {
  for (let path = complaint.path; ; path = path.slice(0, -1)) {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    const offset = keyOffset(node, complaint.key) ?? offsetOf(node);
    if (offset !== undefined) {
      const { line, col } = lines.linePos(offset);
      return `:${line}:${col}`;
    }
    if (path.length === 0) return '';
  }
}

function keyOffset(node: unknown, key: string | undefined): number | undefined {
  if (key === undefined || !isMap(node)) return undefined;
  const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return offsetOf(pair?.key);
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  return (node.range as [number, number, number] | null)?.[0];
}
