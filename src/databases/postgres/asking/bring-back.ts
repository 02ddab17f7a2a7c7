import { reasonOf, TenantDrError } from '../../../errors.ts';
import { insertsOnly } from '../dump/archive-source.ts';
import type { CopyHeader } from '../dump/ddl.ts';
import { parseInsert } from '../dump/ddl.ts';
import { readPlain } from '../dump/plain.ts';
import { ident, identList, literal } from '../identifiers.ts';
import type { Sql } from '../sql.ts';
import { CopyTarget } from '../stage.ts';
import type { Needed, Question } from './question.ts';

/** What makes tables and what they are made of. Rights, owners and anything outside the database are left out. */
const defining =
  /^(SET (?!client_encoding)|SELECT pg_catalog\.set_config|ALTER (TABLE|SEQUENCE|TYPE|DOMAIN|VIEW) |CREATE (OR REPLACE )?(EXTENSION|SCHEMA|TYPE|DOMAIN|FUNCTION|PROCEDURE|AGGREGATE|OPERATOR|CAST|COLLATION|CONVERSION|TEXT SEARCH|(UNLOGGED )?TABLE|SEQUENCE|VIEW|MATERIALIZED VIEW|LANGUAGE) )/i;
const leftOut = / OWNER TO | ROW LEVEL SECURITY| REPLICA IDENTITY | ENABLE | DISABLE /;
/** What follows the rows and is part of what the database held. */
const filling = /^(SELECT pg_catalog\.setval|REFRESH MATERIALIZED VIEW )/i;

/**
 * Brings back what a question is about from a dump, inside the transaction of `sql`: all definitions, then the rows of
 * the tables it depends on, without indexes, keys and triggers. Rejects with backup-corrupt where the dump cannot tell.
 */
export class BringBack {
  private readonly sql: Sql;
  private readonly question: Question;
  private readonly schema: string;
  private readonly database: string;
  private needed: Needed[] | null | undefined;
  private readonly seen = new Set<string>();
  /** The first definition that could not be made. */
  private failed: string | null = null;
  private encoding = 'UTF8';

  constructor(sql: Sql, question: Question, live: { schema: string; database: string }) {
    this.sql = sql;
    this.question = question;
    this.schema = live.schema;
    this.database = live.database;
  }

  async read(chunks: AsyncIterable<Buffer>, path: string, signal?: AbortSignal): Promise<void> {
    let target: CopyTarget | null = null;
    for await (const event of readPlain(chunks, path, this.database)) {
      if (signal?.aborted) throw new TenantDrError('interrupted', 'Stopped; nothing was changed.');
      // Copied: the connection may still hold it when the memory of the chunk is used again.
      if (event.type === 'data') await target?.write(Buffer.from(event.bytes));
      else if (event.type === 'copy') target = await this.copy(event.header);
      else if (event.type === 'end') {
        await target?.end();
        target = null;
      } else await this.statement(event.text);
    }
    await this.know();
    const missing = this.needed?.find(
      ({ schema, table, root }) =>
        !this.seen.has(`${schema}.${table}`) && !this.seen.has(`${schema}.${root}`),
    );
    if (missing)
      throw corrupt(`This dump does not hold the rows of "${missing.table}", only its definition.`);
  }

  private async statement(text: string): Promise<void> {
    this.encoding = /^SET client_encoding = '([^']+)'/i.exec(text)?.[1] ?? this.encoding;
    const insert = parseInsert(text);
    if (insert && (await this.wants(insert.schema, insert.name))) throw insertsOnly(insert.name);
    const wanted =
      this.needed === undefined
        ? defining.test(text) && !leftOut.test(text)
        : this.needed === null && filling.test(text);
    if (!wanted) return;
    try {
      await this.sql.run(`SAVEPOINT tdr_step; ${text}; RELEASE tdr_step`);
    } catch (error) {
      await this.sql.run('ROLLBACK TO tdr_step; RELEASE tdr_step');
      // A setting of another version changes nothing that could be asked.
      if (!/^SET /i.test(text)) this.failed ??= reasonOf(error);
    }
  }

  private async copy(header: CopyHeader): Promise<CopyTarget | null> {
    if (!(await this.wants(header.schema, header.name))) return null;
    const schema = header.schema ?? this.schema;
    this.seen.add(`${schema}.${header.name}`);
    const columns = header.columns.length > 0 ? `(${identList(header.columns)})` : '';
    const into = `COPY ${ident(schema)}.${ident(header.name)} ${columns} FROM STDIN (ENCODING ${literal(this.encoding)})`;
    return new CopyTarget(this.sql.copyIn(into), { rows: 0 }, header.name);
  }

  private async wants(schema: string | null, name: string): Promise<boolean> {
    const needed = await this.know();
    const same = (one: Needed): boolean =>
      one.schema === (schema ?? this.schema) && (one.table === name || one.root === name);
    return needed === null || needed.some(same);
  }

  /** With all definitions there, the server says what the question depends on. */
  private async know(): Promise<Needed[] | null> {
    if (this.needed !== undefined) return this.needed;
    await this.sql.run(`SET LOCAL search_path = ${ident(this.schema)}, public`);
    try {
      await this.question.check(this.sql);
      this.needed = await this.question.needs(this.sql);
      return this.needed;
    } catch (error) {
      if (this.failed === null) throw error;
      throw corrupt(
        `This dump could not be brought back here to be asked: ${this.failed.replace(/\.$/, '')}.`,
      );
    }
  }
}

function corrupt(message: string): TenantDrError {
  return new TenantDrError('backup-corrupt', message, {
    hint: 'Restore it into a scratch database with pg_restore or psql, and ask there.',
  });
}
