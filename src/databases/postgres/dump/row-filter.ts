import { fieldEnd, fieldStart, newline, tab, unescapeCopy } from './copy-text.ts';

/** Fields whose text together must be one of `keys`; see `keyOf`. */
export interface Way {
  fields: number[];
  keys: Set<string>;
  /** Text equality is not the type's equality (numeric, citext, char): texts are folded before they are compared. */
  folded: boolean;
}

export interface RowTest {
  /** Any of these ways makes a row match. */
  ways: Way[];
  /** Rows that match one of these are left out. */
  except?: Way[];
  /** Hand over every row, matching or not; keys are still taken from matching rows only. */
  all: boolean;
}

/** Keys to take from matching rows, for the tables that refer to them. */
export interface Harvest {
  fields: number[];
  folded: boolean;
  into: Set<string>;
}

/** The keys in COPY text that holds nothing else, as `Way.keys` wants them. */
export function keysIn(text: Buffer[], folded: boolean): Set<string> {
  const rows = Buffer.concat(text).toString('latin1').split('\n');
  rows.pop();
  if (!folded) return new Set(rows);
  const bytes = (field: string): string => fold(Buffer.from(field, 'latin1').toString('utf8'));
  return new Set(rows.map((row) => row.split('\t').map(bytes).join('\t')));
}

/** A way with what tells most rows apart without making a text of their field: a bit per hash of a wanted key. */
interface Sieve extends Way {
  bits: Uint32Array;
}

/** Up to this many tenants are looked for by their bytes; with more, every row's field is read instead. */
const searched = 3;

/**
 * Picks rows out of COPY text, exactly: byte for byte, whatever the values hold. Feed it chunks cut anywhere; it
 * gives back whole rows, as parts of the chunk where they can be. `keys` must not grow while it is in use, unless the
 * rows are read again.
 */
export class RowFilter {
  rows = 0;
  /** The row that was cut, in the pieces it came in: one of many mebibytes is put together once. */
  private cut: Buffer[] = [];
  private readonly all: boolean;
  private readonly ways: Sieve[];
  private readonly except: Sieve[];
  private readonly harvests: Harvest[];
  private readonly needles: { bytes: Buffer; field: number }[] | null;

  constructor(test: RowTest, harvests: Harvest[], columns: number) {
    this.all = test.all;
    this.ways = test.ways.filter((way) => way.keys.size > 0).map(sieve);
    this.except = (test.except ?? []).filter((way) => way.keys.size > 0).map(sieve);
    this.harvests = harvests;
    this.needles = needlesFor(test, columns);
  }

  /** Matching rows of this chunk, ends included. */
  push(chunk: Buffer): Buffer[] {
    const found: Buffer[] = [];
    let from = 0;
    if (this.cut.length > 0) {
      // Only the row that was cut is put together; joining whole chunks would cost more than filtering them.
      from = chunk.indexOf(newline) + 1;
      this.cut.push(Buffer.from(chunk.subarray(0, from === 0 ? chunk.length : from)));
      if (from === 0) return found;
      this.pick(Buffer.concat(this.cut.splice(0)), found);
    }
    const end = Math.max(chunk.lastIndexOf(newline) + 1, from);
    if (end > from) this.pick(chunk.subarray(from, end), found);
    if (end < chunk.length) this.cut.push(Buffer.from(chunk.subarray(end)));
    return found;
  }

  private pick(rows: Buffer, found: Buffer[]): void {
    if (this.needles) this.search(rows, found);
    else this.walk(rows, found);
  }

  private search(buffer: Buffer, found: Buffer[]): void {
    for (const { bytes, field } of this.needles as { bytes: Buffer; field: number }[]) {
      if (field === 0 && buffer.subarray(0, bytes.length - 1).equals(bytes.subarray(1)))
        this.take(buffer, 0, found);
      for (let at = buffer.indexOf(bytes); at >= 0; ) {
        // A negative offset would count from the end.
        const row = field === 0 ? at + 1 : at === 0 ? 0 : buffer.lastIndexOf(newline, at - 1) + 1;
        if (field === 0 || fieldNumber(buffer, row, at + 1) === field) {
          const end = this.take(buffer, row, found);
          at = buffer.indexOf(bytes, end - 1);
        } else {
          // The same text in another column: the right one may still follow in this very row.
          at = buffer.indexOf(bytes, at + 1);
        }
      }
    }
  }

  private take(buffer: Buffer, row: number, found: Buffer[]): number {
    const end = buffer.indexOf(newline, row) + 1;
    this.harvest(buffer, row);
    found.push(buffer.subarray(row, end));
    this.rows++;
    return end;
  }

  private walk(buffer: Buffer, found: Buffer[]): void {
    const { all, ways, except } = this;
    // Runs of neighbouring rows leave as one piece.
    let run = -1;
    for (let row = 0; row < buffer.length; ) {
      const matches = matchesAny(buffer, row, ways) && !matchesAny(buffer, row, except);
      if (matches) this.harvest(buffer, row);
      const end = buffer.indexOf(newline, row) + 1;
      if (matches || all) {
        if (run < 0) run = row;
        this.rows++;
      } else if (run >= 0) {
        found.push(buffer.subarray(run, row));
        run = -1;
      }
      row = end;
    }
    if (run >= 0) found.push(buffer.subarray(run));
  }

  private harvest(buffer: Buffer, row: number): void {
    for (const { fields, folded, into } of this.harvests) {
      const key = keyAt(buffer, row, fields, folded);
      if (key !== null) into.add(key);
    }
  }
}

/** Byte patterns with the field's boundaries, where one plain field decides and few values are wanted. */
function needlesFor(
  { all, ways, except }: RowTest,
  columns: number,
): { bytes: Buffer; field: number }[] | null {
  const [way] = ways;
  if (
    all ||
    except ||
    !way ||
    ways.length !== 1 ||
    way.fields.length !== 1 ||
    way.folded ||
    way.keys.size > searched
  )
    return null;
  const field = way.fields[0] as number;
  const last = field === columns - 1;
  return [...way.keys].map((key) => ({
    field,
    bytes: Buffer.from(`${field === 0 ? '\n' : '\t'}${key}${last ? '\n' : '\t'}`, 'latin1'),
  }));
}

/** Which field begins at `at`. */
function fieldNumber(buffer: Buffer, row: number, at: number): number {
  let field = 0;
  for (let i = row; i < at; i++) if (buffer[i] === tab) field++;
  return field;
}

function matchesAny(buffer: Buffer, row: number, ways: Sieve[]): boolean {
  for (const way of ways) {
    if (!sieved(buffer, row, way)) continue;
    const key = keyAt(buffer, row, way.fields, way.folded);
    if (key !== null && way.keys.has(key)) return true;
  }
  return false;
}

/** At least thirty-two bits a key: one row in thirty-two or fewer is looked at for nothing. */
function sieve(way: Way): Sieve {
  const bits = new Uint32Array(2 ** Math.ceil(Math.log2(way.keys.size + 1)));
  for (const key of way.keys) {
    let hash = seed;
    for (let i = 0; i < key.length; i++) hash = mixed(hash, key.charCodeAt(i));
    const bit = placed(hash, bits);
    bits[bit >>> 5] = (bits[bit >>> 5] as number) | (1 << (bit & 31));
  }
  return { ...way, bits };
}

/** Whether the fields' bytes may be those of a wanted key. Of folded text only plain numbers can be told apart. */
function sieved(buffer: Buffer, row: number, { fields, folded, bits }: Sieve): boolean {
  let hash = seed;
  for (let i = 0; i < fields.length; i++) {
    if (i > 0) hash = mixed(hash, tab);
    let at = fieldStart(buffer, row, fields[i] as number);
    if (folded && buffer[at] === zero) return true;
    for (let byte = buffer[at] as number; byte !== tab && byte !== newline; byte = buffer[++at] as number) {
      if (folded && (byte < zero || byte > nine)) return true;
      hash = mixed(hash, byte);
    }
  }
  const bit = placed(hash, bits);
  return ((bits[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
}

const [zero, nine] = [48, 57];

/** FNV-1a. */
const seed = 0x811c9dc5 | 0;
const mixed = (hash: number, byte: number): number => Math.imul(hash ^ byte, 0x01000193);
const placed = (hash: number, bits: Uint32Array): number => (hash ^ (hash >>> 15)) & (bits.length * 32 - 1);

/** The fields' bytes as one text (latin1, joined by tabs); null when one of them is NULL. */
function keyAt(buffer: Buffer, row: number, fields: number[], folded: boolean): string | null {
  if (fields.length === 1 && !folded) {
    const start = fieldStart(buffer, row, fields[0] as number);
    const end = fieldEnd(buffer, start);
    if (end - start === 2 && buffer[start] === 92 && buffer[start + 1] === 78) return null;
    return buffer.toString('latin1', start, end);
  }
  const parts: string[] = [];
  for (const field of fields) {
    const start = fieldStart(buffer, row, field);
    const text = buffer.toString('latin1', start, fieldEnd(buffer, start));
    if (text === '\\N') return null;
    parts.push(folded ? fold(Buffer.from(text, 'latin1').toString('utf8')) : text);
  }
  return parts.join('\t');
}

/**
 * A coarse form under which values that a type may call equal are equal: case, trailing blanks, trailing zeros, zones. Too
 * many rows may pass; the server, which knows the type, picks out the right ones afterwards.
 */
export function fold(field: string): string {
  const text = (unescapeCopy(field) ?? '').normalize('NFKC').toLowerCase().trimEnd();
  const zoned = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d)(:\d\d)?$/.exec(text);
  if (zoned) {
    const [, day, time, fraction = '', hours, minutes = ':00'] = zoned;
    return `${new Date(`${day}T${time}${hours}${minutes}`).toISOString()}${fraction}`;
  }
  if (!/^[-+]?\d+(\.\d+)?$/.test(text)) return text;
  return text
    .replace(/^\+/, '')
    .replace(/^(-?)0+(?=\d)/, '$1')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}
