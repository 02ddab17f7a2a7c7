import { TenantDrError } from '../../../errors.ts';

/**
 * COPY text, as pg_dump writes it: fields end with a tab, rows with a newline, both never inside a value, where
 * they stand as \t and \n. So a raw tab or newline is always a boundary.
 */

export const tab = 9;
export const newline = 10;

const escapes: Record<string, string> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** A value as it stands in COPY text. */
export function escapeCopy(value: string): string {
  return value.replaceAll(/[\\\b\f\n\r\t\v]/g, (character) => escapes[character] as string);
}

/** The value a field of COPY text stands for; null for \N. */
export function unescapeCopy(field: string): string | null {
  if (field === '\\N') return null;
  return field.replaceAll(/\\(.)/g, (_, character: string) => {
    const found = Object.entries(escapes).find(([, escaped]) => escaped === `\\${character}`);
    return found ? found[0] : character;
  });
}

/**
 * Start of field `index` of the row that begins at `row`. Throws backup-corrupt where the row ends before: its file is
 * damaged, and looking on would find a field of another row, or none for ever.
 */
export function fieldStart(buffer: Buffer, row: number, index: number): number {
  let at = row;
  for (let left = index; left > 0; at++) {
    const byte = buffer[at] ?? newline;
    // One comparison for nearly every byte.
    if (byte > newline) continue;
    if (byte === tab) left--;
    else if (byte === newline) throw shortRow();
  }
  return at;
}

function shortRow(): TenantDrError {
  return new TenantDrError(
    'backup-corrupt',
    'A row in this backup has fewer values than its table has columns: the backup is damaged. Nothing was changed.',
    { hint: 'Choose another backup.' },
  );
}

/** End of the field that begins at `start`. */
export function fieldEnd(buffer: Buffer, start: number): number {
  let at = start;
  for (let byte = buffer[at]; byte !== tab && byte !== newline && byte !== undefined; byte = buffer[++at]);
  return at;
}
