// Light damage to tenants: about one row in two hundred deleted, as many overwritten, a few new ones.
// `--gone` deletes them altogether. Usage: damage.mjs live.db [--gone] tenant-id…
import Database from 'better-sqlite3';

const [live, ...rest] = process.argv.slice(2);
const gone = rest[0] === '--gone';
const ids = rest.filter((word) => !word.startsWith('--')).map(Number);
const db = new Database(live);
db.pragma('foreign_keys = OFF');
db.pragma('synchronous = OFF');
const messages = 'conversation_id IN (SELECT id FROM audit_conversations WHERE tenant_id = ?)';
db.transaction(() => {
  for (const id of ids) {
    const hit = gone ? '' : 'AND id % 199 = 0';
    db.prepare(`DELETE FROM audit_messages WHERE ${messages} ${hit}`).run(id);
    for (const table of ['channel_messages', 'leads'])
      db.prepare(`DELETE FROM ${table} WHERE tenant_id = ? ${hit}`).run(id);
    if (gone) {
      for (const table of ['agents', 'audit_conversations', 'jobs'])
        db.prepare(`DELETE FROM ${table} WHERE tenant_id = ?`).run(id);
      db.prepare('DELETE FROM tenants WHERE id = ?').run(id);
      continue;
    }
    db.prepare(`UPDATE audit_messages SET content = 'lost' WHERE ${messages} AND id % 193 = 0`).run(id);
    db.prepare(`UPDATE channel_messages SET body = 'lost' WHERE tenant_id = ? AND id % 193 = 0`).run(id);
    db.prepare(
      `INSERT INTO leads (tenant_id, email, score, notes) VALUES (?, 'new@example.org', 1, 'new')`,
    ).run(id);
  }
})();
db.close();
