import Database from 'better-sqlite3';

/**
 * An application in a process of its own: commits without pause, two tables in step, until it is told to stop; then
 * prints how many commits it made. Usage: writer.ts <database> <journal mode>
 */
const [path = '', mode = ''] = process.argv.slice(2);
const db = new Database(path, { timeout: 30_000 });
db.pragma(`journal_mode = ${mode}`);
db.exec('CREATE TABLE IF NOT EXISTS first (id INTEGER PRIMARY KEY, n INTEGER)');
db.exec('CREATE TABLE IF NOT EXISTS second (id INTEGER PRIMARY KEY, n INTEGER)');
const step = db.transaction((n: number) => {
  db.prepare('INSERT INTO first (n) VALUES (?)').run(n);
  db.prepare('UPDATE notes SET body = ? WHERE id = ?').run(
    `changed ${n} `.repeat(9),
    ((n * 7919) % 40_000) + 1,
  );
  db.prepare('INSERT INTO second (n) VALUES (?)').run(n);
});
let commits = 0;
let stopping = false;
process.on('message', () => {
  stopping = true;
});
const work = () => {
  for (let round = 0; round < 3; round++) step.immediate(++commits);
  if (!stopping) return void setTimeout(work, 1);
  db.close();
  process.send?.({ commits });
  process.disconnect();
};
work();
process.send?.('ready');
