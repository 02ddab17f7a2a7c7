// An application that commits a row of another tenant every few milliseconds until told to stop, and reports the
// longest a commit took. Usage: writer.mjs live.db tenant-id (stops when its input ends)
import Database from 'better-sqlite3';

const [live, id] = process.argv.slice(2);
const db = new Database(live, { timeout: 60_000 });
db.pragma('synchronous = NORMAL');
const insert = db.prepare(
  `INSERT INTO leads (tenant_id, email, score, notes) VALUES (?, 'writer@example.org', 1, 'busy')`,
);
let longest = 0;
let commits = 0;
const tick = setInterval(() => {
  const began = performance.now();
  insert.run(id);
  commits += 1;
  longest = Math.max(longest, performance.now() - began);
}, 10);
process.stdin.on('end', () => {
  clearInterval(tick);
  db.close();
  console.log(JSON.stringify({ longestSeconds: longest / 1000, commits }));
});
process.stdin.resume();
console.log('writing');
