import type Database from 'better-sqlite3';
import type { NastyTenant } from './nasty-rows.ts';
import { insert, quote } from './world.ts';

/**
 * recoverable: every kind of damage an exact restore must undo.
 * deleted: the tenant is gone altogether, children left dangling. cascaded: the same with foreign keys on.
 * disowned: a row's tenant column is NULL.
 * The others must be reported as a conflict: a row now held by another tenant, a unique value taken
 * (once where the schema would silently replace the other's row), a row of another tenant that refers to a row
 * which would be deleted, a shared row that is gone.
 */
export const nastyDamages = [
  'recoverable',
  'deleted',
  'cascaded',
  'moved',
  'disowned',
  'unique-taken',
  'place-taken',
  'inbound',
  'shared-gone',
] as const;
export type NastyDamage = (typeof nastyDamages)[number];

export function damageNasty(
  db: Database.Database,
  column: string,
  kind: NastyDamage,
  victim: NastyTenant,
  other: NastyTenant,
): void {
  const t = quote(column);
  const key = (n: number) => victim.base + 10 * n;
  const run = (sql: string, ...values: unknown[]) => db.prepare(sql).run(...values);
  if (kind === 'recoverable') {
    recoverable(db, column, victim);
    return;
  }
  if (kind === 'deleted') {
    run('DELETE FROM tenants WHERE id = ?', victim.id);
    return;
  }
  if (kind === 'cascaded') {
    cascaded(db, t, victim);
    return;
  }
  if (kind === 'moved') {
    // One user now belongs to somebody else, under the same key.
    run(`UPDATE users SET ${t} = ?, email = 'moved@bravo.test' WHERE id = ?`, other.id, key(3));
    return;
  }
  if (kind === 'disowned') {
    run(`UPDATE users SET ${t} = NULL WHERE id = ?`, key(3));
    return;
  }
  if (kind === 'place-taken') {
    run('DELETE FROM seats WHERE id = ?', key(3));
    insert(db, 'seats', {
      id: 888_001,
      [column]: other.id,
      place: `${victim.base}-3`,
      holder: 'somebody else',
    });
    return;
  }
  if (kind === 'shared-gone') {
    run("DELETE FROM countries WHERE code = 'DE'");
    run('UPDATE tenants SET country = NULL WHERE id = ?', victim.id);
    return;
  }
  if (kind === 'unique-taken') {
    run('DELETE FROM users WHERE id = ?', key(3));
    insert(db, 'users', {
      [column]: other.id,
      email: `USER3.${victim.base}@shop.test`,
      role: 'member',
      data: null,
    });
    return;
  }
  // A row of another tenant refers to a row that an exact restore would delete.
  insert(db, 'users', {
    id: 777_001,
    [column]: victim.id,
    email: 'new@victim.test',
    role: 'member',
    data: null,
  });
  run('UPDATE "Order" SET buyer_id = 777001 WHERE id = ?', other.base + 10);
}

function recoverable(db: Database.Database, column: string, victim: NastyTenant): void {
  const t = quote(column);
  const key = (n: number) => victim.base + 10 * n;
  const run = (sql: string, ...values: unknown[]) => db.prepare(sql).run(...values);
  // Parents deleted without their children.
  run('DELETE FROM "Order" WHERE id IN (?, ?)', key(2), key(3));
  run('DELETE FROM shipments WHERE code = ?', `S-${victim.base}-4`);
  run('DELETE FROM categories WHERE id = ?', key(1));
  run('DELETE FROM agents WHERE id = ?', key(1));
  run('DELETE FROM users WHERE id = ?', key(4));
  // Overwritten.
  run('UPDATE "Order" SET cents = 1, buyer_id = NULL WHERE id = ?', key(5));
  run(`UPDATE "order lines" SET data = x'00', qty = 9e999 WHERE order_id = ?`, key(6));
  run('UPDATE agent_versions SET body = NULL WHERE agent_id = ?', key(2));
  run('UPDATE agents SET current_version = NULL WHERE id = ?', key(3));
  run(
    `UPDATE articles SET title = 'defaced', body = 'defaced too' WHERE ${t} = ? AND id > ?`,
    victim.id,
    key(2),
  );
  run('UPDATE memos SET body = ? WHERE id = ?', 'overwritten', key(2));
  run(
    `UPDATE tenants SET name = 'Hacked', settings = '{}', owner_id = NULL, country = 'JP' WHERE id = ?`,
    victim.id,
  );
  run(`UPDATE measures SET a = 1, r = 0.0 WHERE id >= ? AND ${t} = ?`, key(2), victim.id);
  // Only the representation differs: an equality test would call these rows the same.
  run(`UPDATE kv SET v = 1.0 WHERE ${t} = ? AND v = 1 AND typeof(v) = 'integer'`, victim.id);
  run(`UPDATE kv SET k = upper(k) WHERE ${t} = ? AND k = 'key 2'`, victim.id);
  run(`UPDATE users SET email = upper(email) WHERE id = ?`, key(6));
  run(`UPDATE notes SET amount = -amount WHERE ${t} = ? AND body = 'the same'`, victim.id);
  run(
    `DELETE FROM notes WHERE rowid IN (SELECT rowid FROM notes WHERE ${t} = ? AND typeof(body) = 'text' LIMIT 3)`,
    victim.id,
  );
  run(`UPDATE null_keys SET v = 'changed' WHERE ${t} = ? AND k IS NULL`, victim.id);
  run(`UPDATE "we""ird ta'ble; --" SET "col ""q""" = 'flat', "Größe" = NULL WHERE "a b" = ?`, key(3));
  run('DELETE FROM "MixedCase" WHERE "Id" = ?', key(4));
  // Values exchanged between rows that are unique.
  exchange(db, 'categories', 'position', 'id', key(2), key(3), -1);
  exchange(db, 'users', 'email', 'id', key(2), key(3), 'parked@example.test');
  exchange(db, 'Order', 'number', 'id', key(7), key(8), -1);
  exchange(db, 'seats', 'holder', 'id', key(1), key(2), null);
  run(`UPDATE users SET role = 'member' WHERE id = ?`, key(1));
  run(`UPDATE users SET role = 'owner' WHERE id = ?`, key(2));
  // Rows that came since.
  insert(db, 'Order', {
    [column]: victim.id,
    select: `O-${victim.base}-2`,
    number: 2,
    cents: 5,
  });
  insert(db, 'users', {
    [column]: victim.id,
    email: 'intruder@evil.test',
    role: 'member',
    data: 'new',
  });
  insert(db, 'notes', { [column]: victim.id, body: 'new note', amount: 7 });
  insert(db, 'audit_log', {
    [column]: victim.id,
    at: '2026-11-01',
    what: 'everything deleted',
    who: null,
  });
  insert(db, 'memos', { [column]: victim.id, body: 'new memo' });
  run('DELETE FROM audit_log WHERE id = ?', key(2));
}

/** Two rows exchange a unique value, as an application would do it: through a free one. */
function exchange(
  db: Database.Database,
  table: string,
  column: string,
  key: string,
  a: number,
  b: number,
  parked: string | number | null,
): void {
  const [t, c, k] = [quote(table), quote(column), quote(key)];
  const read = db.prepare(`SELECT ${c} FROM ${t} WHERE ${k} = ?`).pluck();
  const write = db.prepare(`UPDATE ${t} SET ${c} = ? WHERE ${k} = ?`);
  const [valueA, valueB] = [read.get(a), read.get(b)];
  write.run(parked, a);
  write.run(valueA, b);
  write.run(valueB, a);
}

function cascaded(db: Database.Database, t: string, victim: NastyTenant): void {
  // What ON DELETE CASCADE would have taken, without turning enforcement on inside the transaction.
  for (const table of ['Order', 'users', 'tenant_stats'])
    db.prepare(`DELETE FROM ${quote(table)} WHERE ${t} = ?`).run(victim.id);
  db.exec(`
    DELETE FROM "order lines" WHERE order_id NOT IN (SELECT id FROM "Order");
    DELETE FROM line_notes WHERE order_id NOT IN (SELECT id FROM "Order");
    DELETE FROM shipments WHERE order_code NOT IN (SELECT "select" FROM "Order");
    DELETE FROM shipment_events WHERE shipment NOT IN (SELECT code FROM shipments);
    DELETE FROM order_categories WHERE order_id NOT IN (SELECT id FROM "Order");
    DELETE FROM reviews WHERE order_id NOT IN (SELECT id FROM "Order") OR user_id NOT IN (SELECT id FROM users);
    DELETE FROM order_log WHERE order_id NOT IN (SELECT id FROM "Order");`);
}
