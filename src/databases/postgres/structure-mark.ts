import { TenantDrError } from '../../errors.ts';
import { ofApplication } from './catalog.ts';
import { ident, literal } from './identifiers.ts';
import type { Sql } from './sql.ts';

/**
 * One hash over everything about the schema's tables that a plan relies on: columns and their types, constraints,
 * unique indexes, triggers and whether they run. Partitions count as tables.
 */
export async function structureMark(sql: Sql): Promise<string> {
  const tables = `SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(${literal(ident(sql.target.schema))}) AND relkind IN ('r', 'p', 'f')`;
  const parts = [
    `SELECT format('a %s %s %s %s %s %s %s', attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attgenerated) FROM pg_attribute WHERE attrelid IN (${tables}) AND attnum > 0 AND NOT attisdropped`,
    `SELECT format('c %s %s %s %s', conrelid, oid, contype, convalidated) FROM pg_constraint WHERE conrelid IN (${tables})`,
    `SELECT format('i %s %s', indrelid, indexrelid) FROM pg_index WHERE indrelid IN (${tables}) AND indisunique`,
    `SELECT format('t %s %s %s', tgrelid, oid, tgenabled) FROM pg_trigger t WHERE tgrelid IN (${tables}) AND ${ofApplication}`,
  ];
  const all = `SELECT md5(coalesce(string_agg(x, ',' ORDER BY x COLLATE "C"), '')) FROM (${parts.join(' UNION ALL ')}) q(x)`;
  return (await sql.value(all)) ?? '';
}

/** Throws plan-stale when the structure is no longer what it was when `mark` was taken. Call once locks are held. */
export async function requireStructure(sql: Sql, mark: string): Promise<void> {
  if ((await structureMark(sql)) === mark) return;
  throw new TenantDrError(
    'plan-stale',
    'The structure of the database changed since the plan was made: a column, a constraint, an index or a trigger. Nothing was changed.',
    { hint: 'Plan again: the new plan shows what no longer fits.' },
  );
}
