import { isMap, isNode, isPair, isSeq, LineCounter, parseDocument } from 'yaml';
import { explain } from '../config/explain.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { z } from '../zod.ts';

/** One thing wrong with a file a person wrote. */
export interface Finding {
  line: number;
  message: string;
}

export type Path = readonly PropertyKey[];

/** A YAML text that can say on which line a value stands. */
export interface YamlFile {
  value: unknown;
  lineOf(path: Path): number;
}

/**
 * Parses YAML 1.2. Throws `runbook-invalid` with the lines of syntax errors. JSON is YAML: what our own commands write
 * is read as that, a hundred tenants in no time, and as YAML only to say on which line something is wrong.
 */
export function parseYaml(text: string, name: string): YamlFile {
  const json = jsonIn(text);
  if (json === undefined) return parseLines(text, name);
  return { value: json, lineOf: (path) => parseLines(text, name).lineOf(path) };
}

function jsonIn(text: string): unknown {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    // YAML may begin like this, too; what is wrong with it is said below.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parseLines(text: string, name: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => lines.linePos(offset).line;
  const errors = document.errors.map((error) => ({
    line: at(error.pos[0]),
    message: `not YAML: ${error.message}`,
  }));
  if (errors.length > 0) throw invalid(name, errors);

  /** The line of the deepest part of the path that exists. */
  const lineOf = (path: Path): number => {
    let node: unknown = document.contents;
    let line = 1;
    for (const part of path) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isPair(item) && String(item.key) === String(part));
        if (!pair) break;
        if (isNode(pair.key) && pair.key.range) line = at(pair.key.range[0]);
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.get(Number(part), true);
        if (isNode(node) && node.range) line = at(node.range[0]);
      } else break;
    }
    return line;
  };
  try {
    return { value: document.toJS(), lineOf };
  } catch (error) {
    // An alias (a value that begins with a star) leads nowhere, or to far too much.
    throw invalid(name, [{ line: 1, message: `not YAML: ${reasonOf(error)}` }]);
  }
}

/** What a schema has against a file, with lines and "did you mean". */
export function findingsOf(schema: z.ZodType, error: z.ZodError, file: YamlFile): Finding[] {
  return explain(schema, error).map(({ path, key, message, hint }) => ({
    line: file.lineOf(key === undefined ? path : [...path, key]),
    message: `${message.replace(/invalid input: expected .*, received undefined$/, 'is missing')}${hint ? ` (${hint})` : ''}`,
  }));
}

/** The error of a runbook that cannot be used: every finding with its line, in the file's order. */
export function invalid(name: string, findings: Finding[]): TenantDrError {
  const sorted = [...findings].sort((a, b) => a.line - b.line);
  const lines = sorted.map((finding) => `line ${finding.line}: ${finding.message}`);
  return new TenantDrError('runbook-invalid', `The runbook ${name} cannot be used:\n${lines.join('\n')}`, {
    hint: 'Nothing was started. Correct the file; `tenant-dr runbook validate <file>` checks it.',
    facts: { findings: sorted },
  });
}
