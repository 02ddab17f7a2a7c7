// Delete a tenant's rows and reload them from an already decompressed backup. Prints how long the write lock was
// held and how large the write-ahead log grew. Usage: delete-and-reload.mjs live.db backup.db tenant-id
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';

const [live, staged, id] = process.argv.slice(2);
const db = new Database(live);
db.pragma('synchronous = FULL');
db.pragma('foreign_keys = OFF');
db.pragma('wal_autocheckpoint = 0');
db.prepare('ATTACH ? AS staged').run(staged);
const began = performance.now();
db.exec('BEGIN IMMEDIATE');
const own = `tenant_id = ${Number(id)}`;
const through = (side) => `conversation_id IN (SELECT id FROM ${side}.audit_conversations WHERE ${own})`;
const tables = ['audit_messages', 'agents', 'leads', 'audit_conversations', 'channel_messages', 'jobs'];
const where = (table, side) => (table === 'audit_messages' ? through(side) : own);
for (const table of tables) db.exec(`DELETE FROM main.${table} WHERE ${where(table, 'main')}`);
for (const table of tables) {
  db.exec(`INSERT INTO main.${table} SELECT * FROM staged.${table} WHERE ${where(table, 'staged')}`);
}
db.exec('COMMIT');
const writeLock = (performance.now() - began) / 1000;
console.log(JSON.stringify({ writeLock, walBytes: statSync(`${live}-wal`).size }));
db.close();
