// An application that goes on committing rows of another tenant. Prints the number of every row it committed.
// Usage: writer.mjs live.db tenant-id-as-integer; ends when its input ends.
import Database from 'better-sqlite3';

const [live, tenant] = process.argv.slice(2);
const db = new Database(live, { timeout: 30_000 });
const insert = db.prepare('INSERT INTO memos (tenant_id, body) VALUES (?, ?)');
let n = 0;
const tick = setInterval(() => {
  n += 1;
  insert.run(BigInt(tenant), `writer ${n}`);
  process.stdout.write(`${n}\n`);
}, 3);
process.stdin.on('end', () => {
  clearInterval(tick);
  db.close();
});
process.stdin.resume();
