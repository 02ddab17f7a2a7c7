import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { StageRequest } from '../../engine/port.ts';
import type { Schema } from '../../engine/schema.ts';
import { Ahead } from './ahead.ts';
import { sqlState, translate } from './errors.ts';
import { ident, identList, literal } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import type { Watch } from './live-keys.ts';
import { LiveKeys } from './live-keys.ts';
import { letGoAfter } from './portions.ts';
import type { SharedRows } from './shared.ts';
import { fetchShared } from './shared.ts';
import type { Sql } from './sql.ts';
import type { Workspace } from './workspace.ts';
import { adoptRaw, dropTables } from './workspace.ts';

/** Rows of one table as they stand in the source: every column text, numbered in `tdr_n`. The temporary table is there once it has rows. */
export interface Raw {
  name: string;
  columns: string[];
  rows: number;
  /** Columns the tenant is found by have an index. */
  indexed: boolean;
}

/** A source made queryable: raw rows of the tenants asked for, beside the live database. */
export interface Stage {
  schema: Schema;
  raw: Map<string, Raw>;
  /** Several tenants were asked for: `raw` holds rows of all of them. */
  several: boolean;
  /** Rows of other tenants whose key is now that of a live row of the tenants asked for. */
  moved: Map<string, Raw>;
  /** Shared rows those tenants need and the live database lacks. */
  shared: Map<string, SharedRows>;
}

/** Where staged rows come from: another server, or a dump. */
export interface Source {
  schema: Schema;
  /** Puts the rows of the tenants asked for (and all of the tenants table) into `loader`, others' rows to watch for where they belong. */
  load(loader: Loader, request: StageRequest, watch: Watch | null): Promise<void>;
  /** Puts the rows of a shared table whose `columns` hold one of `keys` into `loader`. */
  loadKeys(loader: Loader, table: string, columns: string[], keys: string[][]): Promise<void>;
  close(): Promise<void>;
}

export async function stageSource(
  sql: Sql,
  structure: Structure,
  source: Source,
  request: StageRequest,
): Promise<{ stage: Stage; work: Workspace | null }> {
  const loader = new Loader(sql, 'raw');
  const watch = watchFor(sql, structure, request);
  const stage: Stage = {
    schema: source.schema,
    raw: loader.tables,
    several: request.tenants.length > 1,
    moved: watch?.loader.tables ?? new Map(),
    shared: new Map(),
  };
  let ahead: Ahead | null = null;
  await dropTables(sql, 'raw|member|live|staged|want|gone');
  await sql.run('BEGIN');
  try {
    ahead = Ahead.for(sql, structure, request, stage);
    loader.onComplete = (table) => ahead?.done(table);
    await source.load(loader, request, watch);
    stage.schema = source.schema;
    const work = ahead ? await ahead.finish() : (watch?.keys.collected ?? null);
    if (!ahead) await prepareRaw(sql, request, stage);
    for (const slot of work?.slots ?? []) adoptRaw(slot, stage.raw.get(slot.slice.name));
    stage.shared = await fetchShared(sql, structure, source, request.shape, stage);
    await sql.run('COMMIT');
    return { stage, work };
  } catch (error) {
    // In a lost transaction every statement fails: what lost it is the error to report.
    const first = await ahead?.settled();
    await sql.run('ROLLBACK').catch((second: unknown) => void second);
    const causes = [first, loader.failed, watch?.loader.failed ?? null, { error }].flatMap((failure) =>
      failure ? [failure.error] : [],
    );
    throw causes.find((cause) => sqlState(cause) !== inFailedTransaction) ?? error;
  }
}

/** Where every row is the tenant's, nothing tells whose a row was that is not there. */
function watchFor(sql: Sql, structure: Structure, request: StageRequest): Watch | null {
  if (request.source.form !== 'live' && request.source.whole) return null;
  return { keys: new LiveKeys(sql, structure, request), loader: new Loader(sql, 'raw_moved') };
}

/** What every statement gets after the one that failed. */
const inFailedTransaction = '25P02';

/** Many tenants are picked out of the raw rows one after the other: then an index pays. */
async function prepareRaw(sql: Sql, request: StageRequest, stage: Stage): Promise<void> {
  for (const slice of request.shape.tables) {
    const raw = stage.raw.get(slice.name);
    if (!raw || raw.rows < 1000) continue;
    const { membership } = slice;
    const sets =
      membership.via === 'links' ? membership.links.map((link) => link.columns) : [[membership.column]];
    if (request.tenants.length > 3) {
      raw.indexed = true;
      // By its key a row is looked for that was another of these tenants'.
      for (const columns of [...sets, slice.key]) {
        if (columns.length > 0 && columns.every((name) => raw.columns.includes(name)))
          await sql.run(`CREATE INDEX ON ${raw.name} (${identList(columns)})`);
      }
    }
    const asked = [...new Set(sets.flat())].filter((name) => raw.columns.includes(name));
    if (asked.length > 0) await sql.run(`ANALYZE ${raw.name} (${identList(asked)})`);
  }
}

/** Fills raw tables with COPY text, one table at a time. */
export class Loader {
  readonly tables = new Map<string, Raw>();
  private readonly sql: Sql;
  private readonly prefix: string;
  private readonly made = new Set<Raw>();
  /** What went wrong first: tables that are loaded side by side fail after it, and may be heard before. */
  failed: { error: unknown } | null = null;
  /** Called when no more rows of a table will come. */
  onComplete: (table: string) => void = () => undefined;

  constructor(sql: Sql, prefix: string) {
    this.sql = sql;
    this.prefix = prefix;
  }

  /** Announces a table and its columns, also when no row will follow. Columns of a second announcement must be known. */
  table(name: string, columns: string[]): Raw {
    const known = this.tables.get(name);
    if (known) return known;
    const raw: Raw = {
      name: `pg_temp.tdr_${this.prefix}_${this.tables.size}`,
      columns,
      rows: 0,
      indexed: false,
    };
    this.tables.set(name, raw);
    return raw;
  }

  private async make(raw: Raw): Promise<void> {
    if (this.made.has(raw)) return;
    const list = raw.columns.map((column) => `, ${ident(column)} text`).join('');
    // One sequence numbers the rows of all tables: one of its own would be another file and catalog row for each.
    const sequence = this.made.size === 0 ? 'CREATE TEMP SEQUENCE IF NOT EXISTS tdr_rows;' : '';
    await this.sql.run(
      `${sequence} CREATE TEMP TABLE ${raw.name.replace('pg_temp.', '')} (tdr_n bigint DEFAULT nextval('pg_temp.tdr_rows')${list})`,
    );
    await letGoAfter(this.sql, this.made.add(raw).size);
  }

  /** Keys byte for byte as a dump in this encoding has them, as latin1; those it cannot hold are left out. */
  async encoded(keys: string[][], encoding: string): Promise<string[][]> {
    const bytes = (text: string): Promise<Buffer | null> =>
      encoding.toUpperCase() === 'UTF8'
        ? Promise.resolve(Buffer.from(text, 'utf8'))
        : this.sql.turns.take(() => encodedBy(this.sql, text, encoding));
    const found: string[][] = [];
    for (const key of keys) {
      const parts = await Promise.all(key.map(bytes));
      const whole = parts.filter((part) => part !== null);
      if (whole.length === parts.length) found.push(whole.map((part) => part.toString('latin1')));
    }
    return found;
  }

  /** Copies chunks of COPY text into a table; the number of rows. `encoding`: that of the bytes. */
  copy(
    name: string,
    columns: string[],
    chunks: AsyncIterable<Buffer> | Buffer[],
    encoding = 'UTF8',
  ): Promise<number> {
    const raw = this.table(name, columns);
    return this.sql.turns.take(() => this.send(name, raw, columns, chunks, encoding));
  }

  private async send(
    name: string,
    raw: Raw,
    columns: string[],
    chunks: AsyncIterable<Buffer> | Buffer[],
    encoding: string,
  ): Promise<number> {
    const into = `COPY ${raw.name} (${identList(columns)}) FROM STDIN (ENCODING ${literal(encoding)})`;
    let target: CopyTarget | null = null;
    try {
      for await (const chunk of chunks) {
        if (!target) {
          await this.make(raw);
          target = new CopyTarget(this.sql.copyIn(into), raw, name);
        }
        await target.write(chunk);
      }
      return target ? await target.end() : 0;
    } catch (error) {
      await target?.abort();
      const failure = translate(error, `Staging ${name}`);
      this.failed ??= { error: failure };
      throw failure;
    }
  }
}

/** A text in another encoding; null when that has no such characters. */
async function encodedBy(sql: Sql, text: string, encoding: string): Promise<Buffer | null> {
  await sql.run('SAVEPOINT tdr_encoding');
  try {
    const hex = await sql.value(`SELECT encode(convert_to($1, $2), 'hex')`, [text, encoding]);
    await sql.run('RELEASE SAVEPOINT tdr_encoding');
    return Buffer.from(hex ?? '', 'hex');
  } catch (error) {
    if (!sqlState(error)?.startsWith('22')) throw error;
    await sql.run('ROLLBACK TO SAVEPOINT tdr_encoding; RELEASE SAVEPOINT tdr_encoding');
    return null;
  }
}

/** A running COPY FROM STDIN. */
export class CopyTarget {
  private readonly stream: Writable;
  private readonly done: Promise<void>;
  private readonly raw: Pick<Raw, 'rows'>;
  private readonly name: string;

  constructor(stream: Writable, raw: Pick<Raw, 'rows'>, name: string) {
    this.stream = stream;
    this.raw = raw;
    this.name = name;
    // A row the server refuses shows up here, whatever is being written meanwhile.
    this.done = finished(stream);
    this.done.catch((error: unknown) => void error);
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.stream.destroyed) await this.settled();
    if (!this.stream.write(chunk)) await Promise.race([once(this.stream, 'drain'), this.settled()]);
  }

  async end(): Promise<number> {
    this.stream.end();
    await this.settled();
    const rows = 'rowCount' in this.stream ? Number(this.stream.rowCount) : 0;
    this.raw.rows += rows;
    return rows;
  }

  async abort(): Promise<void> {
    this.stream.destroy();
    await this.done.catch((error: unknown) => void error);
  }

  private async settled(): Promise<void> {
    try {
      await this.done;
    } catch (error) {
      throw translate(error, `Staging ${this.name}`);
    }
  }
}
