import type Database from 'better-sqlite3';
import { nastyBlobs, nastyNumbers, nastyTexts, nastyValues } from './values.ts';
import { insert, type Row, type Value } from './world.ts';

export interface NastyTenant {
  id: Value;
  slug: string;
  /** Keys of this tenant are base + 10 · n, so that tenants' keys interleave. */
  base: number;
}

/** Rows of the shared tables, and of nobody. */
export function commonRows(db: Database.Database, column: string): void {
  for (const code of ['DE', 'BR', 'JP', 'XX']) insert(db, 'countries', { code, name: `Country ${code}` });
  for (const version of [1, 2, 3]) insert(db, 'schema_migrations', { version, applied_at: '2026-01-01' });
  insert(db, 'users', {
    id: 5,
    [column]: null,
    email: 'system@example.test',
    role: 'system',
    data: null,
  });
  insert(db, 'users', {
    id: 15,
    [column]: null,
    email: 'Robot@example.test',
    role: 'owner',
    data: 'x',
  });
  for (let copy = 0; copy < 2; copy++) insert(db, 'notes', { [column]: null, body: 'of nobody', amount: 1 });
  insert(db, 'null_keys', { k: null, [column]: null, v: 'of nobody' });
  insert(db, 'audit_log', {
    [column]: null,
    at: '2026-01-01',
    what: 'installed',
    who: null,
  });
}

export function tenantRows(db: Database.Database, column: string, tenant: NastyTenant): void {
  const { id, slug, base } = tenant;
  const key = (n: number) => base + 10 * n;
  const own = (table: string, row: Row) => insert(db, table, { [column]: id, ...row });
  insert(db, 'tenants', {
    id,
    slug,
    name: `Tenant "${slug}"`,
    settings: JSON.stringify({
      tier: tenant.base === 1 ? 'enterprise' : 'pro',
    }),
    country: 'DE',
    owner_id: key(1),
  });
  insert(db, 'tenant_stats', { [column]: id, orders: 0, seen: null });
  for (let n = 1; n <= 6; n++) {
    const role = n === 1 ? 'owner' : 'member';
    own('users', {
      id: key(n),
      email: `User${n}.${base}@shop.test`,
      role,
      data: nastyValues[n] ?? null,
      updated_at: 'then',
    });
    own('categories', {
      id: key(n),
      parent_id: n > 2 ? key(n - 2) : null,
      name: `Category ${n}`,
      position: n,
    });
    own('agents', {
      id: key(n),
      name: `Agent ${n}`,
      current_version: n < 5 ? key(2 * n) : null,
      updated_at: 'then',
    });
    for (const v of [2 * n, 2 * n + 1])
      insert(db, 'agent_versions', {
        id: key(v),
        agent_id: key(n),
        body: `v${v}`,
      });
    own('articles', {
      id: key(n),
      title: `Title ${n}`,
      body: `cloudy words number${n} of ${base}`,
      updated_at: 'then',
    });
    own('memos', { id: key(n), body: `memo ${n} about ${base}` });
    own('seats', {
      id: key(n),
      place: `${base}-${n}`,
      holder: n < 5 ? `holder ${base} ${n}` : null,
    });
    own('we"ird ta\'ble; --', {
      'a b': key(n),
      'col "q"': nastyTexts[n] ?? null,
      Größe: n / 3,
    });
    own('MixedCase', {
      Id: key(n),
      group: `g${n}`,
      rowid: `not the rowid ${n}`,
    });
    own('audit_log', {
      id: key(n),
      at: '2026-10-01',
      what: `event ${n}`,
      who: key(n),
    });
  }
  orderRows(db, own, base, key);
  for (const [n, value] of nastyValues.entries()) {
    own('notes', { body: value, amount: n % 3 });
    own('kv', { k: `Key ${n}`, v: value });
    own('null_keys', { k: n % 4 === 0 ? null : `${base}/${n}`, v: value });
  }
  for (let copy = 0; copy < 3; copy++) own('notes', { body: 'the same', amount: 7 });
  for (const [n, value] of nastyNumbers.entries()) {
    const whole = typeof value === 'bigint' ? value : null;
    const real = typeof value === 'number' ? value : null;
    // A whole number reaches a STRICT REAL column as an integer and is stored as REAL there.
    own('measures', {
      id: key(n),
      n: whole,
      r: real,
      s: nastyTexts[n] ?? null,
      b: nastyBlobs[n] ?? null,
      a: value,
    });
  }
}

function orderRows(
  db: Database.Database,
  own: (table: string, row: Row) => void,
  base: number,
  key: (n: number) => number,
): void {
  for (let n = 1; n <= 8; n++) {
    own('Order', {
      id: key(n),
      select: `O-${base}-${n}`,
      number: n,
      buyer_id: n < 6 ? key(n) : null,
      cents: n * 100,
      updated_at: 'then',
    });
    for (const line of [1, 2]) {
      insert(db, 'order lines', {
        order_id: key(n),
        'line no': line,
        item: `item ${line}`,
        qty: n / line,
        data: nastyValues[n + line] ?? null,
      });
      insert(db, 'line_notes', {
        id: key(2 * n + line - 2),
        order_id: key(n),
        line_no: line,
        note: nastyValues[2 * n + line] ?? null,
      });
    }
    insert(db, 'shipments', {
      code: `S-${base}-${n}`,
      order_code: `O-${base}-${n}`,
      weight: n * 1.1,
    });
    insert(db, 'shipment_events', {
      id: key(n),
      shipment: `S-${base}-${n}`,
      at: '2026-10-02',
      data: nastyValues[n * 2] ?? null,
    });
    insert(db, 'order_categories', {
      order_id: key(n),
      category_id: key(1 + (n % 6)),
    });
    const reviewer = n === 8 ? 5 : n === 7 ? null : key(n);
    insert(db, 'reviews', {
      id: key(n),
      order_id: n === 6 ? null : key(n),
      user_id: reviewer,
      stars: n % 5,
    });
    for (let copy = 0; copy < 2; copy++)
      insert(db, 'order_log', {
        order_id: key(n),
        what: 'seen',
        data: copy === 0 ? null : n,
      });
  }
}
