import type { Structure } from '../introspect.ts';
import { escapeCopy } from './copy-text.ts';
import { fold, RowFilter } from './row-filter.ts';

/** A filter for the rows of a table whose columns hold one of the given keys, byte for byte as the dump has them. */
export function keyFilter(
  structure: Structure,
  table: string,
  columns: string[],
  wanted: string[],
  keys: string[][],
): RowFilter {
  const known = structure.relations.get(table)?.columns ?? [];
  const folded = wanted.some((name) => known.find((column) => column.name === name)?.exact !== true);
  const fields = wanted.map((name) => columns.indexOf(name));
  const texts = keys.map((key) =>
    key
      .map(escapeCopy)
      .map((text) => (folded ? fold(Buffer.from(text, 'latin1').toString('utf8')) : text))
      .join('\t'),
  );
  const ways = fields.every((field) => field >= 0) ? [{ fields, keys: new Set(texts), folded }] : [];
  return new RowFilter({ ways, all: false }, [], columns.length);
}
