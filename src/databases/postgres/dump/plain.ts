import { damaged } from '../../../backups/open-stream.ts';
import { TenantDrError } from '../../../errors.ts';
import { endMark as endOfSlice, sliceMark } from '../slice-marks.ts';
import { ClusterPart } from './cluster-part.ts';
import { newline } from './copy-text.ts';
import type { CopyHeader } from './ddl.ts';
import { parseCopy } from './ddl.ts';
import { Lexer } from './lexer.ts';

/** What a plain dump is made of, in order. `data` comes between `copy` and `end`, cut anywhere. */
export type DumpEvent =
  | { type: 'statement'; text: string }
  | { type: 'copy'; header: CopyHeader }
  | { type: 'data'; bytes: Buffer }
  | { type: 'end' };

const blankLine = Buffer.from('\n\n', 'latin1');
const endMark = Buffer.from('\\.\n', 'latin1');
/** The end of rows where none are read: the COPY before them was not known as one. */
const strayEnd = '\\.';

/**
 * Reads plain SQL as pg_dump writes it; of pg_dumpall's only the part about `database`, or all where that is null.
 * Rejects with backup-truncated when it stops inside a statement or a COPY, with backup-corrupt where the beginning or
 * the end of a COPY was lost (what follows would be taken for something else), and with backup-without-tenant.
 */
export async function* readPlain(
  chunks: AsyncIterable<Buffer>,
  path: string,
  database: string | null,
): AsyncGenerator<DumpEvent> {
  let part = new ClusterPart(null);
  const lexer = new Lexer();
  let copying = false;
  /** Of the table whose rows are read; a row of several is never empty. */
  let columns = 0;
  let beginning: string | null = null;
  /** Bytes held back: they may be the beginning of the end mark. */
  let tail: Buffer = Buffer.alloc(0);
  let lineStart = true;
  /** The line of the COPY statement ends with a newline that is not data. */
  let afterCopy = false;
  let ending = '';
  for await (const chunk of chunks) {
    ending = (ending + chunk.toString('latin1', Math.max(0, chunk.length - 4096))).slice(-4096);
    if (beginning === null) {
      beginning = chunk.toString('latin1', 0, 4096);
      // A dump of one database may name it, too; whatever its name was then, it is the one.
      if (isOfCluster(beginning)) part = new ClusterPart(database);
    }
    let buffer = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk;
    tail = Buffer.alloc(0);
    while (buffer.length > 0) {
      if (afterCopy) {
        const first = buffer.indexOf(newline);
        buffer = buffer.subarray(first < 0 ? buffer.length : first + 1);
        afterCopy = first < 0;
        continue;
      }
      if (copying) {
        const end = findEnd(buffer, lineStart);
        if (columns > 1 && hasBlankLine(end < 0 ? buffer : buffer.subarray(0, end), lineStart))
          throw damaged(path, 'the rows of a table do not end where they should');
        if (end < 0) {
          // The mark may be cut: up to two bytes at a line's start wait for the next chunk.
          const keep = heldBack(buffer, lineStart);
          const bytes = buffer.subarray(0, buffer.length - keep);
          tail = Buffer.from(buffer.subarray(buffer.length - keep));
          if (bytes.length > 0) {
            lineStart = bytes[bytes.length - 1] === newline;
            if (part.here) yield { type: 'data', bytes };
          }
          break;
        }
        if (end > 0 && part.here) yield { type: 'data', bytes: buffer.subarray(0, end) };
        if (part.here) yield { type: 'end' };
        copying = false;
        buffer = buffer.subarray(end + endMark.length);
        continue;
      }
      lexer.push(buffer.toString('latin1'));
      buffer = Buffer.alloc(0);
      for (let statement = lexer.next(); statement; statement = lexer.next()) {
        if (statement.meta) {
          if (statement.text === strayEnd) throw damaged(path, 'rows end that belong to no table');
          part.follow(statement.text);
          continue;
        }
        const text = Buffer.from(statement.text, 'latin1').toString('utf8');
        const header = parseCopy(text);
        if (!header) {
          if (part.here) yield { type: 'statement', text };
          continue;
        }
        if (part.here) yield { type: 'copy', header };
        copying = true;
        columns = header.columns.length;
        lineStart = true;
        afterCopy = true;
        buffer = Buffer.from(lexer.drain(), 'latin1');
        break;
      }
    }
  }
  // A comment may be the last line, without a newline.
  lexer.push('\n');
  lexer.next();
  if (copying || !lexer.idle || !complete(beginning ?? '', ending)) throw cut(path);
  part.finish(path);
}

/** pg_dump says at the end that it came to it, and so do our slices: a file cut between two statements shows by that. */
function complete(beginning: string, ending: string): boolean {
  if (beginning.startsWith(sliceMark)) return ending.includes(`\n${endOfSlice}`);
  if (!/^-- PostgreSQL database (cluster )?dump\s*$/m.test(beginning)) return true;
  return /^-- PostgreSQL database (cluster )?dump complete\s*$/m.test(ending);
}

function hasBlankLine(rows: Buffer, lineStart: boolean): boolean {
  return (lineStart && rows[0] === newline) || rows.includes(blankLine);
}

function isOfCluster(beginning: string): boolean {
  return /^-- PostgreSQL database cluster dump\s*$/m.test(beginning);
}

/** Position of a line that is exactly `\.`; -1 when there is none. */
function findEnd(buffer: Buffer, lineStart: boolean): number {
  for (let at = buffer.indexOf(endMark); at >= 0; at = buffer.indexOf(endMark, at + 1)) {
    if (at === 0 ? lineStart : buffer[at - 1] === newline) return at;
  }
  return -1;
}

function heldBack(buffer: Buffer, lineStart: boolean): number {
  for (const length of [2, 1]) {
    if (buffer.length < length) continue;
    const at = buffer.length - length;
    const starts = at === 0 ? lineStart : buffer[at - 1] === newline;
    if (starts && endMark.subarray(0, length).equals(buffer.subarray(at))) return length;
  }
  return 0;
}

function cut(path: string): TenantDrError {
  return new TenantDrError(
    'backup-truncated',
    `${path} ends in the middle of a table or a statement: it was cut off. Nothing was changed.`,
    {
      hint: 'Choose another backup.',
    },
  );
}
