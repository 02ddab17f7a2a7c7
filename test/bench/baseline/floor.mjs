// The bare floor: decompress with 1 MiB chunks, ATTACH, DELETE, INSERT .. SELECT, COMMIT, in one process.
// No checksum, no preview, no safety copy, no verification, no proof. Usage: floor.mjs live.db backup.db.gz tenant-id
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import Database from 'better-sqlite3';

const [live, backup, id] = process.argv.slice(2);
const folder = mkdtempSync(join(dirname(live) || tmpdir(), 'floor-'));
const staged = join(folder, 'backup.db');
const chunk = 1024 * 1024;
await pipeline(
  createReadStream(backup, { highWaterMark: chunk }),
  createGunzip({ chunkSize: chunk, highWaterMark: chunk }),
  createWriteStream(staged, { highWaterMark: chunk }),
);
const db = new Database(live);
db.pragma('synchronous = FULL');
db.pragma('foreign_keys = OFF');
db.prepare('ATTACH ? AS staged').run(staged);
db.exec('BEGIN IMMEDIATE');
const through = (side) =>
  `conversation_id IN (SELECT id FROM ${side}.audit_conversations WHERE tenant_id = ${Number(id)})`;
const own = `tenant_id = ${Number(id)}`;
const tables = ['audit_messages', 'agents', 'leads', 'audit_conversations', 'channel_messages', 'jobs'];
const where = (table, side) => (table === 'audit_messages' ? through(side) : own);
for (const table of tables) db.exec(`DELETE FROM main.${table} WHERE ${where(table, 'main')}`);
for (const table of tables) {
  db.exec(`INSERT INTO main.${table} SELECT * FROM staged.${table} WHERE ${where(table, 'staged')}`);
}
db.exec('COMMIT');
db.close();
rmSync(folder, { recursive: true });
