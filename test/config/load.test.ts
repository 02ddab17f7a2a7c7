import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { TenantDrError } from '../../src/errors.ts';
import { temporaryFolder } from '../cli/folder.ts';

interface Setting {
  yaml?: string;
  dotEnv?: string;
  env?: Record<string, string>;
  flags?: { config?: string; database?: string; backups?: string; state?: string };
}

/** Loads the config of a new folder with these files, from that folder. */
async function load({ yaml, dotEnv, env = {}, flags = {} }: Setting) {
  const cwd = temporaryFolder();
  if (yaml !== undefined) writeFileSync(join(cwd, 'tenant-dr.config.yaml'), yaml);
  if (dotEnv !== undefined) writeFileSync(join(cwd, '.env'), dotEnv);
  return { cwd, config: await loadConfig({ flags, env: { HOME: '/home/alice', ...env }, cwd }) };
}

async function refusal(setting: Setting): Promise<TenantDrError> {
  try {
    await load(setting);
  } catch (error) {
    if (error instanceof TenantDrError) return error;
    throw error;
  }
  throw new Error('the config was accepted');
}

test('without a config file the conventional names hold', async () => {
  const { config } = await load({});
  expect(config).toMatchObject({
    file: undefined,
    database: undefined,
    environment: 'unlabelled',
    state: '/home/alice/.local/state/tenant-dr',
    tenants: { table: 'tenants', id: 'id', settle: 10 },
    ownership: { columns: ['tenant_id'], tables: {} },
    warnings: [],
  });
});

test('the config of the design document is read', async () => {
  const { config, cwd } = await load({
    yaml: `
database: sqlite:./data/admin.db
environment: production
backups: { path: ./data/backups, timezone: America/Sao_Paulo }
state: ./state
mirror: /mnt/second
tenants:
  table: tenants
  id: id
  name: name
  slug: slug
  status: { column: status, active: active, suspended: suspended }
  tier: { column: settings, json: $.tier }
  search: [admin_users.email]
  settle: 10s
ownership:
  columns: [tenant_id]
  tables:
    plans: shared
    dead_letter_queue: { through: jobs, on: { original_job_id: id } }
    partner_links: { exclude: "agreements between two tenants, restored by hand" }
    jobs: { review: queue, set: { status: cancelled } }
    audit_events: { restore: missing }
hooks: { suspend: { before: [[systemctl, stop, worker]], after: [] }, reactivate: { before: [], after: [] } }
health: { url: "http://localhost/health", expect: 200 }
checks: [ { name: every agent has a prompt, sql: "select 1", level: standard } ]
auditLog: { table: audit_events, at: created_at, what: type }
contacts: ./contacts.yaml
deliver: { command: [send, it] }
policy: { rpoGate: refuse, pro: { rpo: 2h, rto: null, keepBackups: 30d } }
`,
  });
  expect(config).toMatchObject({
    database: `sqlite:${cwd}/data/admin.db`,
    environment: 'production',
    backups: { path: `${cwd}/data/backups`, timezone: 'America/Sao_Paulo' },
    state: `${cwd}/state`,
    mirror: '/mnt/second',
    contacts: `${cwd}/contacts.yaml`,
    file: `${cwd}/tenant-dr.config.yaml`,
    hooks: { suspend: { before: [{ command: ['systemctl', 'stop', 'worker'], timeout: 60 }] } },
    policy: { rpoGate: 'refuse', pro: { rpo: 7200, rto: null, keepBackups: 2_592_000 } },
  });
});

test('an empty file and a file of comments are configs', async () => {
  expect((await load({ yaml: '' })).config.environment).toBe('unlabelled');
  expect((await load({ yaml: '# nothing yet\n' })).config.environment).toBe('unlabelled');
});

test('a config elsewhere is named by a flag, and its paths count from its folder', async () => {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'etc'));
  writeFileSync(join(cwd, 'etc', 'dr.yaml'), 'database: ../data/admin.db\nbackups: ../backups\n');
  writeFileSync(join(cwd, 'etc', '.env'), 'TENANT_DR_STATE=state\n');
  const config = await loadConfig({ flags: { config: 'etc/dr.yaml' }, env: {}, cwd });
  expect(config.database).toBe(`sqlite:${cwd}/data/admin.db`);
  expect(config.backups?.path).toBe(`${cwd}/backups`);
  expect(config.state).toBe(`${cwd}/etc/state`);
});

test('flags win over the environment, which wins over .env, which wins over the file', async () => {
  const yaml = 'database: file.db\nbackups: from-file\nstate: from-file\n';
  const dotEnv = 'DATABASE_PATH=dotenv.db\nBACKUP_DIR=from-dotenv\nTENANT_DR_STATE=from-dotenv\n';
  const env = { DATABASE_PATH: 'env.db', BACKUP_DIR: 'from-env', TENANT_DR_STATE: 'from-env' };
  const flags = { database: 'flag.db', backups: 'from-flag', state: 'from-flag' };
  const seen = [];
  for (const setting of [{ yaml }, { yaml, dotEnv }, { yaml, dotEnv, env }, { yaml, dotEnv, env, flags }]) {
    const { config, cwd } = await load(setting);
    seen.push([config.database, config.backups?.path, config.state].map((path) => path?.replace(cwd, '')));
  }
  expect(seen).toEqual([
    ['sqlite:/file.db', '/from-file', '/from-file'],
    ['sqlite:/dotenv.db', '/from-dotenv', '/from-dotenv'],
    ['sqlite:/env.db', '/from-env', '/from-env'],
    ['sqlite:/flag.db', '/from-flag', '/from-flag'],
  ]);
});

test('an environment name that overrides the database of the file is said', async () => {
  const yaml = 'database: file.db\n';
  const { config, cwd } = await load({ yaml, env: { DATABASE_PATH: 'other.db' } });
  expect(config.warnings).toEqual([
    `DATABASE_PATH overrides the config file: the database is ${cwd}/other.db`,
  ]);
  expect((await load({ yaml, env: { DATABASE_PATH: 'file.db' } })).config.warnings).toEqual([]);
  expect(
    (await load({ yaml, env: { DATABASE_PATH: 'x.db' }, flags: { database: 'y.db' } })).config.warnings,
  ).toEqual([]);
});

test.each([
  ['a bare path', { DATABASE_PATH: '/data/a.db' }, 'sqlite:/data/a.db'],
  ['ADMIN_DB_PATH', { ADMIN_DB_PATH: '/data/a.db' }, 'sqlite:/data/a.db'],
  ['DATABASE_URL with a file', { DATABASE_URL: 'file:/data/a.db?mode=ro' }, 'sqlite:/data/a.db'],
  ['DATABASE_URL with sqlite://', { DATABASE_URL: 'sqlite:///data/a.db' }, 'sqlite:/data/a.db'],
  [
    'DATABASE_URL over DATABASE_PATH',
    { DATABASE_URL: 'postgres://h/d', DATABASE_PATH: '/a.db' },
    'postgres://h/d',
  ],
  [
    'ADMIN_DB_TYPE=sqlite over a PostgreSQL URL',
    { ADMIN_DB_TYPE: 'sqlite', DATABASE_URL: 'postgres://h/d', DATABASE_PATH: '/a.db' },
    'sqlite:/a.db',
  ],
  [
    'ADMIN_DB_TYPE=postgres over a path',
    { ADMIN_DB_TYPE: 'postgres', DATABASE_URL: 'postgresql://h/d', DATABASE_PATH: '/a.db' },
    'postgres://h/d',
  ],
  [
    'the PG… names',
    { PGHOST: 'db', PGPORT: '5433', PGUSER: 'u', PGPASSWORD: 'p@%s', PGDATABASE: 'chat', PGSCHEMA: 'x' },
    'postgres://u:p%40%25s@db:5433/chat?schema=x',
  ],
  [
    'a socket folder',
    { ADMIN_DB_TYPE: 'postgres', PGHOST: '/run/pg', PGDATABASE: 'chat' },
    'postgres://localhost/chat?host=%2Frun%2Fpg',
  ],
  [
    'a socket folder, written as the host of a URL',
    { DATABASE_URL: 'postgresql://u:p@/chat?host=/run/pg' },
    'postgres://u:p@localhost/chat?host=/run/pg',
  ],
  ['nothing but PGHOST', { PGHOST: 'db' }, undefined],
] as const)('the database is found from %s', async (_what, env, expected) => {
  expect((await load({ env })).config.database).toBe(expected);
});

test('the PG… names do not displace a database named in the file, but fill what its URL leaves open', async () => {
  const env = { PGHOST: 'elsewhere', PGDATABASE: 'other', PGPASSWORD: 'secret' };
  expect((await load({ yaml: 'database: /data/a.db\n', env })).config.database).toBe('sqlite:/data/a.db');
  const { config } = await load({ yaml: 'database: postgres://alice@db/chat\n', env });
  expect(config.database).toBe('postgres://alice:secret@db/chat');
  expect(config.warnings).toEqual([]);
});

test('names that are known and not obeyed are a warning, never silence', async () => {
  const { config } = await load({
    env: {
      BACKUP_FREQUENCY: 'hourly',
      BACKUP_TENANT_ISOLATION: 'false',
      BACKUP_RETENTION_PRO: '14',
      BACKUP_OTHER: '1',
    },
  });
  expect(config.warnings).toHaveLength(1);
  expect(config.warnings[0]).toContain('BACKUP_FREQUENCY, BACKUP_RETENTION_PRO, BACKUP_TENANT_ISOLATION');
});

test('a password on the command line is warned about and never repeated', async () => {
  const { config } = await load({ flags: { database: 'postgres://u:hunter2@h/d' } });
  expect(config.warnings).toHaveLength(1);
  expect(config.warnings.join()).not.toContain('hunter2');
});

test.each(['p@ss/hunter2', '12/hunter2', 'p@ss#hunter2', 'p@ss?hunter2', '%E9hunter2'])(
  'a password that tears its address apart (%s) is refused before a piece of it is shown',
  async (password) => {
    const env = { DATABASE_URL: `postgres://u:${password}@h/d` };
    const refused = await load({ yaml: 'database: /data/a.db\n', env }).then(String, String);
    expect(refused).toContain('cannot be read');
    expect(refused).not.toContain('hunter2');
  },
);

test('a service file, which is not read, is a warning where the database is one that could be in it', async () => {
  const env = { PGSERVICE: 'app' };
  expect((await load({ env })).config.warnings.join()).toContain('PGSERVICE is not read');
  expect((await load({ yaml: 'database: /data/a.db\n', env })).config.warnings).toEqual([]);
});

test('a password never shows in the warning that a database was overridden', async () => {
  const { config } = await load({
    yaml: 'database: a.db\n',
    env: { DATABASE_URL: 'postgres://u:hunter2@h/d' },
  });
  expect(config.warnings).toEqual([
    'DATABASE_URL overrides the config file: the database is postgres://u@h/d',
  ]);
});

test('the state folder follows XDG_STATE_HOME, unless that is relative', async () => {
  expect((await load({ env: { XDG_STATE_HOME: '/var/state' } })).config.state).toBe('/var/state/tenant-dr');
  expect((await load({ env: { XDG_STATE_HOME: 'state' } })).config.state).toBe(
    '/home/alice/.local/state/tenant-dr',
  );
});

test('an unknown key is named with its line and the nearest known key', async () => {
  const error = await refusal({
    yaml: 'database: a.db\nownership:\n  tables:\n    jobs:\n      reveiw: queue\n',
  });
  expect(error.code).toBe('config-invalid');
  expect(error.message).toMatch(/tenant-dr\.config\.yaml:5:7 ownership\.tables\.jobs\.reveiw is not a key/);
  expect(error.hint).toBe('did you mean review?');
});

test.each([
  ['at the top', 'databse: a.db\n', 'databse', 'did you mean database?'],
  ['in a section', 'tenants:\n  nmae: name\n', 'tenants.nmae', 'did you mean name?'],
  ['in a list', 'checks:\n  - { name: a, sqll: b }\n', 'checks[0].sqll', 'did you mean sql?'],
  ['in a union', 'backups: { path: a, timezon: UTC }\n', 'backups.timezon', 'did you mean timezone?'],
  ['in hooks', 'hooks: { suspend: { bfore: [] } }\n', 'hooks.suspend.bfore', 'did you mean before?'],
  ['in a tier', 'policy: { pro: { rtoo: 1h } }\n', 'policy.pro.rtoo', 'did you mean rto?'],
])('an unknown key is found %s', async (_where, yaml, path, hint) => {
  const error = await refusal({ yaml });
  expect(error.message).toContain(`${path} is not a key this file can have`);
  expect(error.hint).toBe(hint);
});

test('a key like no other is answered with the keys there are', async () => {
  const error = await refusal({ yaml: 'policy: { zzzzzzzzzzzz: 1 }\n' });
  expect(error.hint).toBe('keys here: rpoGate, enterprise, pro, starter, free');
});

test.each([
  ['a wrong type', 'tenants: { table: 5 }\n', ':1:19 tenants.table: '],
  [
    'half a rule',
    'ownership: { tables: { jobs: share } }\n',
    'ownership.tables.jobs must be shared, or have some of the keys',
  ],
  [
    'a reason that says nothing',
    'ownership: { tables: { jobs: { exclude: " " } } }\n',
    'jobs.exclude: needs a reason',
  ],
  ['a wrong word', 'policy: { rpoGate: maybe }\n', ':1:20 policy.rpoGate must be one of warn, refuse'],
  ['a wrong duration', 'tenants:\n  settle: soon\n', ':2:11 tenants.settle: "soon" is not a duration'],
  [
    'a wrong rule',
    'ownership: { tables: { jobs: { restore: never } } }\n',
    'ownership.tables.jobs.restore must be one of',
  ],
  ['a missing key', 'checks:\n  - name: a\n', ':2:5 checks[0].sql: '],
  ['a list where a map belongs', '- a\n- b\n', ':1:1 the file: '],
  [
    'a through without on',
    'ownership: { tables: { a: { through: b } } }\n',
    'through and on belong together',
  ],
  ['two ways to own', 'ownership: { tables: { a: { shared: x, exclude: y } } }\n', 'only one of'],
  ['a time zone nobody knows', 'backups: { path: a, timezone: Mars/Olympus }\n', 'backups.timezone'],
])('%s is complained about where it stands', async (_what, yaml, expected) => {
  const error = await refusal({ yaml });
  expect(error.code).toBe('config-invalid');
  expect(error.message).toContain(expected);
});

test('every complaint is listed, not only the first', async () => {
  const error = await refusal({ yaml: 'databse: a\nenvironment: 5\n' });
  expect(error.message.split('\n')).toHaveLength(2);
});

test.each([
  ['a tab', 'a:\n\t- b\n'],
  ['a duplicate key', 'database: a\ndatabase: b\n'],
  ['an open quote', 'database: "a\n'],
])('%s is not YAML, and the line is named', async (_what, yaml) => {
  const error = await refusal({ yaml });
  expect(error.message).toMatch(/tenant-dr\.config\.yaml:\d+:\d+ is not YAML/);
});

test('a value that begins with a star is an alias that leads nowhere, not an error of ours', async () => {
  const error = await refusal({ yaml: 'backups: *.db\n' });
  expect([error.code, error.message]).toEqual(['config-invalid', expect.stringContaining('.db')]);
});

test('a config file that is named and missing is an error, as is one that cannot be read', async () => {
  expect((await refusal({ flags: { config: 'none.yaml' } })).code).toBe('file-missing');
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'tenant-dr.config.yaml'));
  chmodSync(join(cwd, 'tenant-dr.config.yaml'), 0o700);
  await expect(loadConfig({ flags: {}, env: {}, cwd })).rejects.toThrow(/cannot read the config file/);
});

test.each(['mysql://u:secret@h/d', 'mongodb+srv://u:secret@h/d'])(
  '%s is no database we know, and its password stays out',
  async (url) => {
    const error = await refusal({ flags: { database: url } });
    expect(error.code).toBe('usage');
    expect(`${error.message} ${error.hint}`).not.toContain('secret');
  },
);
