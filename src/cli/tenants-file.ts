import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { reasonOf, TenantDrError } from '../errors.ts';

/** One line of a `--tenants-file`: what it names, and where, for whoever is told that it names nobody. */
export interface NamedLine {
  name: string;
  line: number;
}

/**
 * The ids or slugs of a file, one a line. A line that begins with `#` says nothing; a `#` further on belongs to the
 * name, because slugs may hold one and what stands before it may be somebody else's. Throws file-missing, usage.
 */
export async function readTenantsFile(file: string, cwd: string): Promise<NamedLine[]> {
  let content: Buffer;
  try {
    content = await readFile(resolve(cwd, file));
  } catch (error) {
    throw new TenantDrError(
      'file-missing',
      `${file} can't be read: ${reasonOf(error)}. Nothing was changed.`,
      { hint: 'Give a file with one id or slug a line.', cause: error },
    );
  }
  return textIn(content, file)
    .split(/\r\n|\n|\r/)
    .map((text, index) => ({ name: text.trim(), line: index + 1 }))
    .filter(({ name }) => name !== '' && !name.startsWith('#'));
}

/** UTF-8, or the UTF-16 that Windows programs write and mark as that. */
function textIn(content: Buffer, file: string): string {
  const marked = content[0] === 0xff && content[1] === 0xfe;
  try {
    return new TextDecoder(marked ? 'utf-16le' : 'utf-8', { fatal: true }).decode(content);
  } catch (error) {
    throw new TenantDrError('usage', `${file} is no text in UTF-8. Nothing was changed.`, {
      hint: 'Save it as UTF-8, with one id or slug a line.',
      cause: error,
    });
  }
}
