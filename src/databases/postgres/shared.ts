import type { SharedNeed } from '../../engine/plan.ts';
import type { SliceShape } from '../../engine/slice.ts';
import type { Reference, Relation } from './catalog.ts';
import { castTo, keyText } from './encoding.ts';
import { ident, identList, literal } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import type { Sql } from './sql.ts';
import type { Source, Stage } from './stage.ts';
import { Loader } from './stage.ts';
import type { Workspace } from './workspace.ts';
import { columnOf, targetOf } from './workspace.ts';

/** Rows of a shared table that the staged slices need and the live database lacks, as fetched from the backup. */
export interface SharedRows {
  name: string;
  columns: string[];
  /** Key texts present, by the columns the foreign key refers to. */
  keys: Set<string>;
}

/** Whether the backup holds the shared row a key names. */
export function sharedHas(work: Workspace, table: string, key: string): boolean {
  return work.stage?.shared.get(table)?.keys.has(key) ?? false;
}

/**
 * Looks for shared rows that staged rows refer to and the live database no longer has, and fetches them from the
 * backup. There rarely are any; only then is the source read once more.
 */
export async function fetchShared(
  sql: Sql,
  structure: Structure,
  source: Source,
  shape: SliceShape,
  stage: Stage,
): Promise<Map<string, SharedRows>> {
  const owned = new Set(shape.tables.map((table) => table.name));
  const found = new Map<string, SharedRows>();
  const loader = new Loader(sql, 'raw_shared');
  for (const slice of shape.tables) {
    const relation = structure.relations.get(slice.name);
    const raw = stage.raw.get(slice.name);
    if (!relation || !raw || raw.rows === 0) continue;
    for (const key of relation.foreignKeys) {
      const parent = structure.relations.get(key.table);
      if (
        owned.has(key.table) ||
        !parent ||
        found.has(key.table) ||
        !key.columns.every((name) => raw.columns.includes(name))
      )
        continue;
      const keys = await missingKeys(sql, relation, parent, key, raw.name);
      if (keys.length === 0) continue;
      await source.loadKeys(loader, key.table, key.parentColumns, keys);
      const rows = loader.tables.get(key.table);
      if (!rows || rows.rows === 0) continue;
      const text = keyText(
        'q',
        key.parentColumns.map((name) => columnOf({ relation: parent }, name)),
      );
      const typed = key.parentColumns
        .map((name) => `${castTo(columnOf({ relation: parent }, name), ident(name))} AS ${ident(name)}`)
        .join(', ');
      const texts = await sql.rows(`SELECT ${text} AS key FROM (SELECT ${typed} FROM ${rows.name}) q`);
      found.set(key.table, {
        name: rows.name,
        columns: rows.columns,
        keys: new Set(texts.map((row) => row.key ?? '')),
      });
    }
  }
  return found;
}

async function missingKeys(
  sql: Sql,
  child: Relation,
  parent: Relation,
  key: Reference,
  raw: string,
): Promise<string[][]> {
  const value = (name: string): string => castTo(columnOf({ relation: child }, name), `r.${ident(name)}`);
  const same = key.columns
    .map((name, i) => `p.${ident(key.parentColumns[i] as string)} = ${value(name)}`)
    .join(' AND ');
  const filled = key.columns.map((name) => `r.${ident(name)} IS NOT NULL`).join(' AND ');
  await sql.run('SAVEPOINT tdr_shared');
  try {
    const rows = await sql.rows(
      `SELECT DISTINCT ${identList(key.columns, 'r')} FROM ${raw} r WHERE ${filled} AND NOT EXISTS (SELECT FROM ${targetOf(sql, parent)} p WHERE ${same})`,
    );
    return rows.map((row) => key.columns.map((name) => row[name] ?? ''));
  } catch (error) {
    // A value that no longer fits is reported by the plan, with its row; here it only means nothing can be fetched.
    void error;
    await sql.run('ROLLBACK TO SAVEPOINT tdr_shared');
    return [];
  }
}

/** Inserts for shared rows the operator agreed to bring back: table → statement. */
export function sharedInserts(
  work: Workspace,
  needs: SharedNeed[],
): { table: string; statement: string; rows: number }[] {
  return [...new Set(needs.map((need) => need.table))].flatMap((table) => {
    const shared = work.stage?.shared.get(table);
    const relation = work.structure.relations.get(table);
    if (!shared || !relation) return [];
    const wanted = new Set(
      needs.filter((need) => need.table === table && shared.keys.has(need.key)).map((need) => need.key),
    );
    const columns = relation.columns.filter(
      (column) => !column.generated && shared.columns.includes(column.name),
    );
    const key = parentKeyOf(work, table);
    if (wanted.size === 0 || !key) return [];
    const list = identList(columns.map((column) => column.name));
    const typed = columns
      .map((column) => `${castTo(column, `r.${ident(column.name)}`)} AS ${ident(column.name)}`)
      .join(', ');
    const text = keyText(
      'q',
      key.parentColumns.map((name) => columnOf({ relation }, name)),
    );
    const name = targetOf(work.sql, relation).replace(/^ONLY /, '');
    const statement = `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM (SELECT ${typed} FROM ${shared.name} r) q WHERE ${text} IN (${[...wanted].map(literal).join(', ')}) RETURNING 1`;
    return [{ table, statement, rows: wanted.size }];
  });
}

function parentKeyOf(work: Workspace, table: string): Reference | undefined {
  return work.slots.flatMap((slot) => slot.relation.foreignKeys).find((key) => key.table === table);
}
