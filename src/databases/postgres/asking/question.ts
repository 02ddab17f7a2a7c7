import type { TenantId } from '../../../engine/tenant.ts';
import { reasonOf, TenantDrError } from '../../../errors.ts';
import { sqlState } from '../errors.ts';
import type { Sql } from '../sql.ts';
import { idLiteral, idText } from '../tenants.ts';

/** A table whose rows the answer depends on; `root`: the table whose partition it is, else itself. */
export interface Needed {
  schema: string;
  table: string;
  root: string;
}

/** Longer than this no condition may take. */
const limitSeconds = 300;

/** Strings and quoted names, which may hold anything, or our placeholder; twice a colon is a cast. */
const pieces = /'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<!:):tenant\b/g;

/** Functions that read what their arguments name, which the server does not know beforehand. */
const readsByName = /_to_xml|\blo_|\bpg_(?!catalog\b)|reg(class|proc)|\b(next|curr|last|set)val\b|dblink/i;

/** An operator's SQL condition about a whole database, one expression with `:tenant` for the tenant's id. */
export class Question {
  private readonly condition: string;
  private readonly tenant: TenantId | null;

  constructor(condition: string, tenant: TenantId | null) {
    this.condition = condition;
    this.tenant = tenant;
  }

  /** Refuses what is no condition, before any row is there. Rejects with usage, table-unknown. */
  async check(sql: Sql): Promise<void> {
    await this.run(sql, 'EXPLAIN ');
  }

  /** Tables the answer depends on, told by the server; null where it may depend on anything. */
  async needs(sql: Sql): Promise<Needed[] | null> {
    if (readsByName.test(this.condition)) return null;
    const text = this.condition.replaceAll(pieces, (piece) =>
      piece === ':tenant' ? idLiteral(this.given()) : piece,
    );
    await sql.run(`CREATE TEMP VIEW tdr_question AS SELECT CASE WHEN (${text}\n) THEN 1 ELSE 0 END AS holds`);
    const rows = await sql.rows(needsQuery);
    await sql.run('DROP VIEW pg_temp.tdr_question');
    if (rows.some(({ kind }) => kind !== 'r' && kind !== 'p' && kind !== 'v')) return null;
    return rows
      .filter(({ kind }) => kind === 'r')
      .map(({ schema, name, root }) => ({ schema: schema ?? '', table: name ?? '', root: root ?? '' }));
  }

  /** Nothing can be written any more in this transaction. */
  async ask(sql: Sql): Promise<boolean> {
    await sql.run(`SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = '${limitSeconds}s'`);
    return (await this.run(sql, '')) === '1';
  }

  private async run(sql: Sql, prefix: string): Promise<string | null> {
    const values: unknown[] = [1];
    const text = this.condition.replaceAll(pieces, (piece) => {
      if (piece !== ':tenant') return piece;
      // Each of a parameter of its own: it takes the type of what it is compared with.
      return `$${values.push(idText(this.given()))}`;
    });
    try {
      // Parameters make the server take one statement only.
      return await sql.value(
        `${prefix}SELECT CASE WHEN (${text}\n) THEN $1::int ELSE 0 END AS holds`,
        values,
      );
    } catch (error) {
      throw this.refusal(error);
    }
  }

  private given(): TenantId {
    if (this.tenant) return this.tenant;
    throw new TenantDrError('usage', 'The condition names :tenant, but no tenant was given.', {
      hint: 'add --tenant <tenant>',
    });
  }

  private refusal(error: unknown): unknown {
    const state = sqlState(error) ?? '';
    const unknown = state === '42P01' || state === '42703';
    const wrong = /^(42|22|21|0A)/.test(state) || state === '25006' || state === '57014';
    if (!unknown && !wrong) return error;
    const reason =
      state === '57014'
        ? `it took longer than ${limitSeconds} s`
        : state === '25006'
          ? 'it writes'
          : reasonOf(error);
    return new TenantDrError(
      unknown ? 'table-unknown' : 'usage',
      `The condition cannot be asked: ${reason.replace(/\.$/, '')}.`,
      {
        hint: 'write one SQL expression, such as "(SELECT count(*) FROM agents WHERE tenant_id = :tenant) > 10"',
        cause: error,
      },
    );
  }
}

/** Relations below the view, through views and to partitions and heirs; what is no relation counts as kind f. */
const needsQuery = `
  WITH RECURSIVE below(class, id) AS (
    SELECT 'pg_class'::regclass::oid, 'pg_temp.tdr_question'::regclass::oid
    UNION
    SELECT x.class, x.id FROM below b, LATERAL (
      SELECT d.refclassid, d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        WHERE r.ev_class = b.id AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass)
      UNION ALL SELECT 'pg_class'::regclass, inhrelid FROM pg_inherits WHERE inhparent = b.id
    ) x(class, id) WHERE b.class = 'pg_class'::regclass
  )
  SELECT coalesce(c.relkind::text, 'f') AS kind, n.nspname AS schema, c.relname AS name,
    coalesce((SELECT relname FROM pg_class WHERE oid = pg_partition_root(c.oid)), c.relname) AS root
  FROM below b LEFT JOIN pg_class c ON c.oid = b.id AND b.class = 'pg_class'::regclass LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE b.id <> 'pg_temp.tdr_question'::regclass`;
