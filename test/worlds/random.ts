import type Database from 'better-sqlite3';
import { type Random, seeded } from '../../src/demo/random.ts';
import { Filler, randomDamage } from './random-rows.ts';
import {
  hasTenantColumn,
  type RandomTable,
  randomTables,
  tableFacts,
  tableSql,
  tenantColumns,
} from './random-schema.ts';
import { build, insert, quote, type TableFacts, type Value, type World } from './world.ts';

export interface RandomChoice {
  /** Plants a trigger on a table that will have to change; it writes into another tenant. */
  hostile?: boolean;
}

/** A random schema with random rows and random damage to the tenant `alfa`: the same for the same seed. */
export function randomWorld(dir: string, seed: number, choice: RandomChoice = {}): World {
  const random = seeded(seed);
  const column = random.pick(tenantColumns);
  const idType = random.pick(['INTEGER', 'TEXT', 'BLOB'] as const);
  const tables = randomTables(random);
  const slugs = ['alfa', 'bravo', 'charlie', 'delta'].slice(0, random.between(2, 4));
  const ids = new Map(slugs.map((slug, n) => [slug, tenantId(idType, n)]));
  const facts: Record<string, TableFacts> = {
    tenants: {
      rule: { via: 'identity', column: 'id' },
      key: ['id'],
      untouched: ['status'],
    },
  };
  for (const table of tables) facts[table.name] = tableFacts(table, tables, column);
  const filler = new Filler(random, column);
  return build(dir, {
    name: `random ${seed}`,
    slugs,
    encoding: random.pick(['UTF-8', 'UTF-8', 'UTF-16le'] as const),
    journal: random.pick(['wal', 'delete'] as const),
    exit: choice.hostile ? 5 : 0,
    facts: {
      tenants: { table: 'tenants', id: 'id', slug: 'slug', suspended: 'off' },
      tables: facts,
      fullText: [],
    },
    config: {
      tenants: {
        slug: 'slug',
        status: { column: 'status', active: 'on', suspended: 'off' },
        settle: 0,
      },
      ownership: { columns: [column], tables: sharedRules(tables) },
    },
    create: (db) => {
      db.exec(
        `CREATE TABLE tenants (id ${idType} PRIMARY KEY NOT NULL, slug TEXT UNIQUE, status TEXT, note)`,
      );
      for (const table of tables) db.exec(tableSql(table, tables, column, idType));
      for (const slug of random.shuffle(slugs))
        insert(db, 'tenants', {
          id: ids.get(slug) ?? null,
          slug,
          status: 'on',
          note: slug,
        });
      for (const table of tables) fill(db, filler, random, table, tables, slugs, ids);
    },
    damage: (db) => {
      randomDamage(db, random, tables, filler, {
        slug: 'alfa',
        id: ids.get('alfa') ?? null,
      });
      if (random.chance(0.2))
        db.exec(`UPDATE tenants SET note = 'changed', status = 'off' WHERE slug = 'alfa'`);
      if (random.chance(0.1)) db.exec(`DELETE FROM tenants WHERE slug = 'alfa'`);
      if (choice.hostile) hostile(db, tables, column, ids.get('alfa') ?? null);
    },
  });
}

function tenantId(type: 'INTEGER' | 'TEXT' | 'BLOB', n: number): Value {
  if (type === 'INTEGER') return n === 2 ? 9007199254740993n : n * 10 + 1;
  if (type === 'TEXT') return ['1', '01', "'; --", '1.0'][n] as string;
  return Buffer.from([0, n, 255].slice(0, 2 + (n % 2)));
}

function sharedRules(tables: RandomTable[]): Record<string, 'shared'> {
  return Object.fromEntries(
    tables.filter((table) => table.owner === 'shared').map((table) => [table.name, 'shared']),
  );
}

function fill(
  db: Database.Database,
  filler: Filler,
  random: Random,
  table: RandomTable,
  tables: RandomTable[],
  slugs: string[],
  ids: Map<string, Value>,
): void {
  for (let n = random.between(3, 25); n > 0; n--) {
    for (const slug of random.shuffle(slugs)) filler.add(db, table, tables, slug, ids.get(slug) ?? null);
  }
}

/** Damages the first direct table once more, and makes its repair write into everybody else's rows. */
function hostile(db: Database.Database, tables: RandomTable[], column: string, victim: Value): void {
  const table = tables.find(hasTenantColumn) as RandomTable;
  const [name, tenant] = [quote(table.name), quote(column)];
  const bound = typeof victim === 'number' ? BigInt(victim) : victim;
  db.prepare(`UPDATE ${name} SET c0 = 'damaged' WHERE ${tenant} = ?`).run(bound);
  for (const [event, row] of [
    ['UPDATE', 'NEW'],
    ['INSERT', 'NEW'],
    ['DELETE', 'OLD'],
  ]) {
    db.exec(`CREATE TRIGGER "hostile ${event}" AFTER ${event} ON ${name} BEGIN
      UPDATE ${name} SET c0 = 'stolen' WHERE ${tenant} IS NOT ${row}.${tenant}; END;`);
  }
}
