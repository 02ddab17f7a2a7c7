import { type Hostility, hostileTrigger } from './hostile.ts';
import { damageNasty, type NastyDamage } from './nasty-damage.ts';
import { commonRows, type NastyTenant, tenantRows } from './nasty-rows.ts';
import { nastySchema, nastyTables, nastyTriggers } from './nasty-schema.ts';
import { build, type Value, type World } from './world.ts';

export interface NastyChoice {
  ids?: 'integer' | 'text' | 'blob';
  column?: string;
  encoding?: 'UTF-8' | 'UTF-16le';
  journal?: 'wal' | 'delete';
  damage?: NastyDamage;
  /** A trigger of the application that writes where it should not. */
  hostile?: Hostility;
}

const tenantIds: Record<'integer' | 'text' | 'blob', [Value, Value, Value]> = {
  integer: [1, 10, 9007199254740993n],
  text: ['1', "o'brien\u0000; --", '01'],
  blob: [Buffer.from([0, 1, 2, 255]), Buffer.from([0, 1, 2]), Buffer.from('31', 'hex')],
};

/** Everything in "Must be handled" that SQLite has; the victim is `alfa`, its neighbours `bravo` and `charlie`. */
export function nasty(dir: string, choice: NastyChoice = {}): World {
  const { ids = 'integer', column = 'tenant_id', damage = 'recoverable' } = choice;
  const [a, b, c] = tenantIds[ids];
  const alfa: NastyTenant = { id: a, slug: 'alfa', base: 1 };
  const bravo: NastyTenant = { id: b, slug: 'bravo', base: 2 };
  const charlie: NastyTenant = { id: c, slug: 'charlie', base: 3 };
  const conflict = !['recoverable', 'deleted', 'cascaded', 'disowned'].includes(damage);
  return build(dir, {
    name: `nasty ${ids} ${column} ${damage}`,
    slugs: ['alfa', 'bravo', 'charlie'],
    encoding: choice.encoding,
    journal: choice.journal,
    // The write of 'replace-other' is skipped before it can replace anything: nothing is left to refuse.
    exit: conflict ? 3 : choice.hostile && choice.hostile !== 'replace-other' ? 5 : 0,
    facts: {
      tenants: {
        table: 'tenants',
        id: 'id',
        slug: 'slug',
        suspended: 'suspended',
      },
      tables: nastyTables(column),
      fullText: [
        {
          table: 'articles_fts',
          source: 'articles',
          columns: ['title', 'body'],
        },
        { table: 'memo_search', source: 'memos', columns: ['body'] },
      ],
    },
    config: {
      tenants: {
        name: 'name',
        slug: 'slug',
        status: { column: 'status', active: 'active', suspended: 'suspended' },
        tier: { column: 'settings', json: '$.tier' },
        settle: 0,
      },
      ownership: {
        columns: [column],
        tables: {
          countries: 'shared',
          schema_migrations: 'shared',
          partner_links: {
            exclude: 'agreements between two tenants, restored by hand',
          },
          audit_log: { restore: 'missing' },
          memo_search: { exclude: 'kept in step with memos by triggers' },
        },
      },
    },
    create: (db) => {
      db.exec(nastySchema({ ids, column }));
      db.exec(nastyTriggers(column));
      commonRows(db, column);
      for (const tenant of [bravo, alfa, charlie]) tenantRows(db, column, tenant);
      db.prepare(`INSERT INTO partner_links VALUES (?, ?, 'gold')`).run(bindId(a), bindId(b));
    },
    damage: (db) => {
      damageNasty(db, column, damage, alfa, bravo);
      if (choice.hostile) db.exec(hostileTrigger(choice.hostile, column));
    },
  });
}

function bindId(value: Value): unknown {
  return typeof value === 'number' ? BigInt(value) : value;
}
