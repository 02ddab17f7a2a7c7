import { execa } from 'execa';
import type { Finding } from '../../engine/port.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import type { Target } from './connect.ts';
import { connect } from './connect.ts';
import { ident, literal } from './identifiers.ts';
import { introspect } from './introspect.ts';
import { lockRoom } from './lock-room.ts';
import type { Sql } from './sql.ts';
import { mayReplicate } from './triggers.ts';

/** Server versions the tests run on. */
const tested = [15, 18];

/** What doctor asks of PostgreSQL: rights, settings, a direct session, client tools. Writes nothing. */
export async function examine(target: Target): Promise<Finding[]> {
  let sql: Sql;
  try {
    sql = await connect(target);
  } catch (error) {
    const hint = error instanceof TenantDrError ? error.hint : undefined;
    return [
      { name: 'connection', ok: false, level: 'error', detail: reasonOf(error), ...(hint ? { hint } : {}) },
    ];
  }
  try {
    const version = Number(await sql.value(`SELECT current_setting('server_version_num')`));
    return [
      serverVersion(version),
      // Else there would be no connection.
      ok('direct session', 'statements reach one server process'),
      await tableRights(sql),
      await sequenceRights(sql),
      await temporaryRight(sql),
      await rowSecurity(sql),
      await writeCounts(sql),
      await lockRoom(sql),
      await triggerSwitch(sql),
      await standby(sql),
      ...(await clientTools(version)),
    ];
  } finally {
    await sql.end();
  }
}

function ok(name: string, detail: string): Finding {
  return { name, ok: true, level: 'ok', detail };
}

function warn(name: string, detail: string, hint: string): Finding {
  return { name, ok: false, level: 'warning', detail, hint };
}

function bad(name: string, detail: string, hint: string): Finding {
  return { name, ok: false, level: 'error', detail, hint };
}

function serverVersion(version: number): Finding {
  const major = Math.floor(version / 10000);
  if (tested.includes(major)) return ok('server version', `PostgreSQL ${major}`);
  return warn(
    'server version',
    `PostgreSQL ${major}: tenant-dr is tested on ${tested.join(' and ')}.`,
    'Rehearse on a copy before you need it: `tenant-dr run <runbook> --on-copy`.',
  );
}

async function tableRights(sql: Sql): Promise<Finding> {
  const rows = await sql.rows(
    `SELECT c.relname AS name, array_to_string(array_remove(ARRAY[${['SELECT', 'INSERT', 'UPDATE', 'DELETE']
      .map((right) => `CASE WHEN NOT has_table_privilege(c.oid, '${right}') THEN '${right}' END`)
      .join(', ')}], NULL), ', ') AS missing
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ${literal(sql.target.schema)} AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
  );
  const missing = rows.filter((row) => row.missing !== '');
  if (missing.length === 0) return ok('rights', `all rights on ${rows.length} tables`);
  return bad(
    'rights',
    missing.map((row) => `${row.name}: no ${row.missing}`).join('; '),
    `Connect as the owner, or GRANT these to ${sql.target.user}.`,
  );
}

async function sequenceRights(sql: Sql): Promise<Finding> {
  const rows = await sql.rows(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ${literal(sql.target.schema)} AND c.relkind = 'S' AND NOT (has_sequence_privilege(c.oid, 'SELECT') AND has_sequence_privilege(c.oid, 'UPDATE'))`,
  );
  if (rows.length === 0) return ok('sequences', 'counters can be read and raised');
  return warn(
    'sequences',
    `no SELECT and UPDATE on ${rows.map((row) => row.name).join(', ')}`,
    'GRANT SELECT, UPDATE on these sequences, or counters cannot be raised after a restore.',
  );
}

async function temporaryRight(sql: Sql): Promise<Finding> {
  const may = await sql.value(`SELECT has_database_privilege(current_database(), 'TEMPORARY')`);
  if (may === 't') return ok('temporary tables', 'allowed');
  return bad(
    'temporary tables',
    'this role may not create temporary tables, where backups are staged',
    `GRANT TEMPORARY ON DATABASE ${ident(sql.target.database)} TO ${ident(sql.target.user)}.`,
  );
}

async function rowSecurity(sql: Sql): Promise<Finding> {
  const rows = await sql.rows(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ${literal(sql.target.schema)} AND c.relrowsecurity AND row_security_active(c.oid)`,
  );
  if (rows.length === 0) return ok('row security', 'no policy hides rows from this role');
  return bad(
    'row security',
    `policies hide rows of ${rows.map((row) => row.name).join(', ')} from this role`,
    'Connect as a role with BYPASSRLS, or as the owner without FORCE ROW LEVEL SECURITY.',
  );
}

async function writeCounts(sql: Sql): Promise<Finding> {
  const on = await sql.value(`SELECT current_setting('track_counts')`);
  if (on === 'on') return ok('isolation proof', 'the server counts written rows');
  return bad(
    'isolation proof',
    'track_counts is off: nothing can prove that no other tenant was written',
    'Set track_counts = on.',
  );
}

async function triggerSwitch(sql: Sql): Promise<Finding> {
  await sql.run('BEGIN');
  const may = await mayReplicate(sql);
  await sql.run('ROLLBACK');
  if (may) return ok('triggers', 'can be kept from running during a restore (session_replication_role)');
  const { schema } = await introspect(sql);
  const tables = schema.tables.filter((table) => table.triggers.length > 0).map((table) => table.name);
  if (tables.length === 0) return ok('triggers', 'this role cannot switch triggers off, and there are none');
  return warn(
    'triggers',
    `triggers of ${tables.join(', ')} run during a restore; where they rewrite rows it is refused`,
    'GRANT SET ON PARAMETER session_replication_role TO this role (PostgreSQL 15 and later), connect as a superuser, or say --disable-triggers when it comes to it.',
  );
}

async function standby(sql: Sql): Promise<Finding> {
  const inRecovery = await sql.value('SELECT pg_is_in_recovery()');
  if (inRecovery !== 't') return ok('primary', 'this server accepts writes');
  return warn(
    'primary',
    'this is a standby: it can be read from, not restored into',
    'Name the primary server to restore.',
  );
}

async function clientTools(server: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const tool of ['pg_dump', 'pg_restore']) {
    try {
      const { stdout } = await execa(tool, ['--version']);
      const major = Number(/(\d+)(?:\.\d+)?/.exec(stdout)?.[1] ?? 0);
      const old = tool === 'pg_dump' && major < Math.floor(server / 10000);
      findings.push(
        old
          ? warn(
              tool,
              `${tool} ${major} cannot dump a server of version ${Math.floor(server / 10000)}`,
              `Install postgresql-client-${Math.floor(server / 10000)}; restoring needs no client tools.`,
            )
          : ok(tool, stdout.trim()),
      );
    } catch (error) {
      findings.push(
        warn(
          tool,
          `${tool} is not installed (${reasonOf(error).split('\n')[0]})`,
          'Install postgresql-client; needed to take backups, not to restore from them.',
        ),
      );
    }
  }
  return findings;
}
