import type { Readable, Writable } from 'node:stream';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { Target } from './connect.ts';
import { connectionLost, translate } from './errors.ts';
import { Turns } from './turns.ts';

export type Row = Record<string, string | null>;

/** One connection. Every value is the text the server printed; every failure is a TenantDrError. */
export class Sql {
  readonly target: Target;
  private readonly client: pg.Client;
  private ended = false;
  /** The connection broke. */
  lost = false;
  /** For those who use the connection at the same time, while a source is being staged. */
  readonly turns = new Turns();

  constructor(client: pg.Client, target: Target) {
    this.client = client;
    this.target = target;
    client.on('end', () => {
      this.lost = true;
    });
  }

  /** Process id told at login; a pooler tells one of its own. */
  get announcedPid(): number {
    return 'processID' in this.client ? Number(this.client.processID) : 0;
  }

  async rows(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.ask(text, values)).rows as Row[];
  }

  /** First column of the first row; null when there is none. */
  async value(text: string, values: unknown[] = []): Promise<string | null> {
    const [row] = await this.rows(text, values);
    return row ? (Object.values(row)[0] ?? null) : null;
  }

  /** Runs one or several statements; the number of rows the last one touched. */
  async run(text: string, values: unknown[] = []): Promise<number> {
    const result: pg.QueryResult | pg.QueryResult[] = await this.ask(text, values);
    const last = Array.isArray(result) ? result.at(-1) : result;
    return last?.rowCount ?? 0;
  }

  /** Commits; false when the transaction had failed and the server rolled it back instead. */
  async commit(): Promise<boolean> {
    return (await this.ask('COMMIT', [])).command === 'COMMIT';
  }

  /** Runs several statements in one message; how many rows each touched. */
  async counts(text: string): Promise<number[]> {
    const result: pg.QueryResult | pg.QueryResult[] = await this.ask(text, []);
    return (Array.isArray(result) ? result : [result]).map((one) => one.rowCount ?? 0);
  }

  /**
   * Runs several statements in one message; the rows of each. For hundreds of tables far faster than one statement
   * about all of them, which the server would plan as a whole.
   */
  async each(statements: string[]): Promise<Row[][]> {
    if (statements.length === 0) return [];
    const result: pg.QueryResult | pg.QueryResult[] = await this.ask(statements.join('; '), []);
    return (Array.isArray(result) ? result : [result]).map((one) => one.rows as Row[]);
  }

  /** The JSON document a query returns in its only column. */
  async json<T>(text: string, values: unknown[] = []): Promise<T> {
    return JSON.parse((await this.value(text, values)) ?? 'null') as T;
  }

  private async ask(text: string, values: unknown[]): Promise<pg.QueryResult> {
    try {
      return values.length > 0 ? await this.client.query(text, values) : await this.client.query(text);
    } catch (error) {
      // The server says so before the connection ends.
      this.lost ||= connectionLost(error);
      throw translate(error, `Database ${this.target.location}`);
    }
  }

  /** `COPY … TO STDOUT`: bytes as the server sends them, cut at any place. */
  async *copyOut(text: string): AsyncGenerator<Buffer> {
    const rows: Readable = this.client.query(copyTo(text, { highWaterMark: 1 << 20 }));
    try {
      yield* rows as AsyncIterable<Buffer>;
    } catch (error) {
      throw translate(error, `Database ${this.target.location}`);
    }
  }

  /** `COPY … FROM STDIN`. Destroying it makes the server drop what it got. */
  copyIn(text: string): Writable {
    return this.client.query(copyFrom(text, { highWaterMark: 1 << 20 }));
  }

  async end(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    try {
      await this.client.end();
    } catch (error) {
      // Closing a connection that is already gone changes nothing.
      void error;
    }
  }
}
