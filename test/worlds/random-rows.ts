import type Database from 'better-sqlite3';
import type { Random } from '../../src/demo/random.ts';
import { hasTenantColumn, keyColumns, type RandomTable } from './random-schema.ts';
import { nastyValues } from './values.ts';
import { insert, quote, type Row, type Value } from './world.ts';

/** Fills one table for one tenant (or for all, when shared) and remembers keys for references. */
export class Filler {
  readonly random: Random;
  readonly tenantColumn: string;
  /** Keys per table and owner, for references from later rows. */
  readonly keys = new Map<string, Value[]>();
  private count = 0;

  constructor(random: Random, tenantColumn: string) {
    this.random = random;
    this.tenantColumn = tenantColumn;
  }

  /** Returns false when a required parent has no rows to refer to. */
  add(
    db: Database.Database,
    table: RandomTable,
    tables: RandomTable[],
    owner: string,
    tenantId: Value,
  ): boolean {
    const own = table.owner === 'shared' ? 'shared' : owner;
    const n = ++this.count;
    const row: Row = {};
    const id: Value = table.key === 'text' ? `${own}-${n}${this.random.pick(['', "'", '😀'])}` : 1000 + n * 7;
    if (table.key === 'pair') Object.assign(row, { k1: n % 5, k2: `${own}/${n}` });
    else if (table.key !== 'none') row.id = id;
    if (hasTenantColumn(table)) row[this.tenantColumn] = tenantId;
    for (const { column, parent, required } of table.references) {
      const of = tables.find((other) => other.name === parent) ?? table;
      const choices = this.keys.get(`${parent} ${of.owner === 'shared' ? 'shared' : owner}`) ?? [];
      if (choices.length === 0 && required) return false;
      row[column] =
        choices.length > 0 && (required || this.random.chance(0.7)) ? this.random.pick(choices) : null;
    }
    for (let c = 0; c < table.values; c++) row[`c${c}`] = this.random.pick(nastyValues);
    row.u = this.random.chance(0.2) ? null : `${own} U ${n}`;
    insert(db, table.name, row);
    const list = this.keys.get(`${table.name} ${own}`) ?? [];
    if (keyColumns(table).length === 1) this.keys.set(`${table.name} ${own}`, [...list, id]);
    // Rows of a table without a key may repeat.
    if (table.key === 'none' && this.random.chance(0.3) && row.u === null) insert(db, table.name, row);
    return true;
  }
}

/** Random damage to one tenant's rows; recoverable by an exact restore, and by nothing else. */
export function randomDamage(
  db: Database.Database,
  random: Random,
  tables: RandomTable[],
  filler: Filler,
  victim: { slug: string; id: Value },
): void {
  const owned = tables.filter((table) => table.owner !== 'shared');
  const run = (sql: string, ...values: unknown[]) => db.prepare(sql).run(...values);
  for (const table of owned) cutLoose(db, random, table, filler.tenantColumn, victim.slug);
  for (let blow = random.between(3, 25); blow > 0; blow--) {
    const table = random.pick(owned);
    const name = quote(table.name);
    const rowids = rowsOf(db, table, victim.slug);
    if (rowids.length === 0) continue;
    const [target, other] = [random.pick(rowids), random.pick(rowids)];
    const column = `c${random.between(0, table.values - 1)}`;
    const kind = random.pick([
      'delete',
      'delete',
      'overwrite',
      'overwrite',
      'insert',
      'swap',
      'repoint',
    ] as const);
    if (kind === 'delete') run(`DELETE FROM ${name} WHERE ${target.where}`, ...target.values);
    if (kind === 'overwrite') overwrite(db, name, column, random.pick(nastyValues), target);
    if (kind === 'insert') filler.add(db, table, tables, victim.slug, victim.id);
    if (kind === 'swap' && target !== other) swap(db, name, target, other);
    const reference = table.references.find((known) => !known.required);
    if (kind === 'repoint' && reference && hasTenantColumn(table)) {
      run(`UPDATE ${name} SET ${quote(reference.column)} = NULL WHERE ${target.where}`, ...target.values);
    }
  }
}

/** Some rows lose everything that leads to the tenant; only one with a key can be known again. */
function cutLoose(
  db: Database.Database,
  random: Random,
  table: RandomTable,
  tenantColumn: string,
  slug: string,
): void {
  if (!table.loose || keyColumns(table).length === 0) return;
  const columns = hasTenantColumn(table)
    ? [tenantColumn]
    : table.references.filter(({ parent }) => parent !== table.name).map(({ column }) => column);
  const cleared = columns.map((column) => `${quote(column)} = NULL`).join(', ');
  for (const { where, values } of rowsOf(db, table, slug))
    if (random.chance(0.3))
      db.prepare(`UPDATE ${quote(table.name)} SET ${cleared} WHERE ${where}`).run(...values);
}

interface Target {
  where: string;
  values: unknown[];
}

/** Where to find the victim's rows: by their unique text, which says whose they are. */
function rowsOf(db: Database.Database, table: RandomTable, slug: string): Target[] {
  const found = db
    .prepare(`SELECT u FROM ${quote(table.name)} WHERE u LIKE ?`)
    .pluck()
    .all(`${slug} U %`);
  return found.map((u) => ({ where: 'u = ?', values: [u] }));
}

function overwrite(db: Database.Database, name: string, column: string, value: Value, target: Target): void {
  const raw = typeof value === 'object' && value !== null && 'text' in value;
  const bound = raw ? value.text : value;
  db.prepare(`UPDATE ${name} SET ${column} = ${raw ? 'CAST(? AS TEXT)' : '?'} WHERE ${target.where}`).run(
    bound,
    ...target.values,
  );
}

/** Two rows exchange their unique text. */
function swap(db: Database.Database, name: string, a: Target, b: Target): void {
  const [first, second] = [a.values[0], b.values[0]];
  const write = db.prepare(`UPDATE ${name} SET u = ? WHERE u = ?`);
  write.run('parked', first);
  write.run(first, second);
  write.run(second, 'parked');
}
