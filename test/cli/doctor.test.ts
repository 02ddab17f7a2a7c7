import { chmodSync, copyFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { tenantDr } from './run.ts';
import { shop } from './shop.ts';

interface Finding {
  name: string;
  level: string;
  detail: string;
  hint?: string;
}

const config = `
database: shop.db
environment: test
backups: { path: backups, timezone: UTC }
state: state
tenants: { table: organizations, slug: handle, status: { column: state }, tier: { column: settings, json: $.tier } }
ownership:
  columns: [organization_id]
  tables:
    plans: shared
    schema_migrations: shared
    "we\\"ird\\nname: {x}": shared
    notes_fts: { exclude: rebuilt }
    partner_links: { exclude: by hand }
    dead_letter_queue: shared
`;

/** A folder where everything is as it should be, apart from what tests must live with. */
function folder(yaml = config): string {
  const cwd = temporaryFolder();
  shop(cwd, 'UPDATE organizations SET settings = \'{"tier":"pro"}\'');
  writeFileSync(join(cwd, 'tenant-dr.config.yaml'), yaml);
  mkdirSync(join(cwd, 'backups'));
  copyFileSync(join(cwd, 'shop.db'), join(cwd, 'backups', 'shop.db'));
  return cwd;
}

async function problems(cwd: string, args: string[] = [], env: Record<string, string> = {}) {
  const ran = await tenantDr(['doctor', '--json', ...args], { cwd, env });
  const findings: Finding[] = ran.document.findings;
  return {
    ...ran,
    findings,
    bad: findings.filter((finding) => finding.level !== 'ok').map((finding) => finding.name),
  };
}

/** One disk holds everything in a test. */
const sameDisk = 'state folder';

test('where all is well only the shared disk of the test is warned about', async () => {
  const { exit, document, bad, findings } = await problems(folder());
  expect(bad).toEqual([sameDisk]);
  expect([exit, document.ok, document.warnings, document.errors]).toEqual([1, true, 1, 0]);
  expect(findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'config',
      'environment',
      'database',
      'tables',
      'tenants',
      'backups',
      'disk',
      'clock',
    ]),
  );
});

test('text says what to do about each warning', async () => {
  const { exit, stdout } = await tenantDr(['doctor'], { cwd: folder() });
  expect(exit).toBe(1);
  expect(stdout).toMatch(
    /^WARNING state folder: it is on the same disk as the live database.*\n +put --state on another disk/m,
  );
  expect(stdout).toContain('0 errors, 1 warning.');
});

test.each([
  ['no environment label', config.replace('environment: test\n', ''), 'environment'],
  [
    'a rule for a table that is not there',
    config.replace('    plans: shared\n', '    plans: shared\n    plan: shared\n'),
    'rules',
  ],
  [
    'an audit log that is not there',
    `${config}auditLog: { table: nothing, at: at, what: what }\n`,
    'audit log',
  ],
  ['a check that is no SQL', `${config}checks: [{ name: a, sql: SELECT * FROM nowhere }]\n`, 'checks'],
  [
    'a check that nobody gives its values',
    `${config}checks: [{ name: a, sql: SELECT 1 WHERE 1 = :t }]\n`,
    'checks',
  ],
  ['an unclassified table', config.replace('    plans: shared\n', ''), 'tables'],
  [
    'a tier nobody knows',
    config.replace('json: $.tier', 'json: $.nothing').replace('settings, json: $.nothing', 'handle'),
    'tiers',
  ],
  ['no backups folder', config.replace(/backups:.*\n/, ''), 'backups'],
  ['a backups folder that is not there', config.replace('path: backups', 'path: gone'), 'backups'],
])('%s is a warning', async (_what, yaml, name) => {
  const { exit, bad } = await problems(folder(yaml));
  expect(exit).toBe(1);
  expect(bad).toContain(name);
});

test('a table whose rows all belong to nobody is a warning', async () => {
  const yaml = config.replace(
    'dead_letter_queue: shared',
    'dead_letter_queue: { through: jobs, on: { payload: id } }',
  );
  const cwd = folder(yaml);
  expect((await problems(cwd)).bad).not.toContain('owners');
  const live = new Database(join(cwd, 'shop.db'));
  live.exec("INSERT INTO dead_letter_queue VALUES (1, 1, 'text')");
  live.close();
  const { bad, findings } = await problems(cwd);
  expect(bad).toContain('owners');
  expect(findings.map(({ detail }) => detail).join()).toContain(
    'no row of dead_letter_queue belongs to a tenant',
  );
});

test('a backup older than the RPO of a tier that is there is a warning, and says which tier', async () => {
  const cwd = folder();
  const old = new Date(Date.now() - 7 * 3600_000);
  utimesSync(join(cwd, 'backups', 'shop.db'), old, old);
  const { findings } = await problems(cwd);
  expect(findings.find(({ name }) => name === 'RPO')?.detail).toBe(
    'the newest backup is older than the RPO of pro 6 h',
  );
});

test('a backup from the future means a wrong clock or zone', async () => {
  const cwd = folder();
  const future = new Date(Date.now() + 3 * 3600_000);
  utimesSync(join(cwd, 'backups', 'shop.db'), future, future);
  expect((await problems(cwd)).bad).toContain('clock');
});

test('a broken backup is named', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'backups', 'empty.db'), '');
  const { findings } = await problems(cwd);
  expect(
    findings.filter(({ name, level }) => name === 'backups' && level === 'warning')[0]?.detail,
  ).toContain('empty');
});

test('a manifest without its backup is told, and no reason to warn', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'backups', 'shop.sqlite.db.manifest.json'), '');
  writeFileSync(join(cwd, 'backups', 'shop.db.manifest.json.other'), '');
  const { bad, findings } = await problems(cwd);
  expect(bad).toEqual([sameDisk]);
  const told = findings.filter(({ detail }) => detail.includes('manifests whose backup is not there'));
  expect(told.map(({ detail }) => detail)).toEqual([
    expect.stringContaining('not there: 1, last shop.sqlite.db.manifest.json;'),
  ]);
});

test('no backup at all is a warning', async () => {
  const cwd = folder();
  rmSync(join(cwd, 'backups', 'shop.db'));
  expect((await problems(cwd)).bad).toContain('backups');
});

test('a config others can write, and a state folder others can read, are warned about', async () => {
  const cwd = folder();
  chmodSync(join(cwd, 'tenant-dr.config.yaml'), 0o666);
  mkdirSync(join(cwd, 'state'));
  chmodSync(join(cwd, 'state'), 0o755);
  const { findings } = await problems(cwd);
  const hints = findings.flatMap(({ hint }) => hint ?? []);
  expect(hints).toContain(`chmod go-w ${join(cwd, 'tenant-dr.config.yaml')}`);
  expect(hints).toContain(`chmod 700 ${join(cwd, 'state')}`);
});

test('a program the config names and this machine has not is an error', async () => {
  const yaml = `${config}hooks: { suspend: { before: [[no-such-program-here, x], [sh, -c, "true"]] } }\n`;
  const { exit, document, bad } = await problems(folder(yaml));
  expect(exit).toBe(4);
  expect(document).toMatchObject({ ok: false, error: { code: 'tool-missing', exit: 4, changed: false } });
  expect(bad).toContain('program');
});

test('a state folder that cannot be written is an error', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'occupied'), '');
  const { exit, document } = await problems(cwd, ['--state', 'occupied/state']);
  expect([exit, document.error.code]).toEqual([4, 'permission-denied']);
  expect(document.error.message).toContain('is not a folder');
});

test('a database that is not there, or is none, is an error with everything else still looked at', async () => {
  const cwd = folder();
  const missing = await problems(cwd, ['--database', 'none.db']);
  expect(missing.exit).toBe(4);
  expect(missing.findings.map(({ name }) => name)).toContain('disk');
  writeFileSync(join(cwd, 'text.db'), 'this is no database, whatever its name says'.repeat(100));
  const text = await problems(cwd, ['--database', 'text.db']);
  expect(text.exit).toBe(4);
});

test('names of the environment that are not obeyed are findings too', async () => {
  const { findings } = await problems(folder(), [], { BACKUP_TIER_AWARE: 'true' });
  expect(findings.find(({ name }) => name === 'environment names')?.detail).toContain('BACKUP_TIER_AWARE');
});
