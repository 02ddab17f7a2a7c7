// Deletes a tenant's rows and inserts them again from tables prepared beside them, in one transaction.
// Says how long its rows were locked. Usage: delete-and-reload.mjs live-url tenant-id
import pg from 'pg';

const [url, id] = process.argv.slice(2);
const client = new pg.Client({ connectionString: url });
await client.connect();
const own = `tenant_id = ${Number(id)}`;
const through = `conversation_id IN (SELECT id FROM audit_conversations WHERE ${own})`;
const tables = ['agents', 'leads', 'audit_conversations', 'audit_messages', 'channel_messages', 'jobs'];
const where = (table) => (table === 'audit_messages' ? through : own);
for (const table of tables)
  await client.query(`CREATE TEMP TABLE keep_${table} AS SELECT * FROM ${table} WHERE ${where(table)}`);
const [{ before }] = (await client.query('SELECT pg_current_wal_lsn() AS before')).rows;
const started = performance.now();
await client.query('BEGIN');
for (const table of tables.toReversed()) await client.query(`DELETE FROM ${table} WHERE ${where(table)}`);
for (const table of tables) await client.query(`INSERT INTO ${table} SELECT * FROM keep_${table}`);
await client.query('COMMIT');
const writeLock = (performance.now() - started) / 1000;
const [{ bytes }] = (
  await client.query('SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1)::bigint AS bytes', [before])
).rows;
await client.query('VACUUM');
await client.end();
console.log(JSON.stringify({ writeLock, walBytes: Number(bytes) }));
