import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { tenantDr } from './run.ts';
import { shop } from './shop.ts';

const config = `
database: shop.db
tenants: { table: organizations, name: display_name, slug: handle, status: { column: state }, tier: { column: settings, json: $.tier }, search: [users.email] }
ownership:
  columns: [organization_id]
  tables:
    plans: shared
    notes_fts: { exclude: search index of nothing }
    dead_letter_queue: { through: jobs, on: { original_job_id: id } }
`;

function folderWithShop(extra = '', yaml = config): string {
  const cwd = temporaryFolder();
  shop(cwd, extra);
  writeFileSync(join(cwd, 'tenant-dr.config.yaml'), yaml);
  return cwd;
}

test('tables gives every table its class, its path and its reason; nobody is left out', async () => {
  const { exit, document } = await tenantDr(['tables', '--json'], { cwd: folderWithShop() });
  expect(exit).toBe(0);
  expect(document).toMatchObject({ schema: 'tenant-dr/tables/1', ok: true });
  const byName = Object.fromEntries(document.tables.map((table: { name: string }) => [table.name, table]));
  expect(byName.users).toEqual({
    name: 'users',
    ownership: 'direct',
    path: ['users.organization_id → organizations.id'],
  });
  expect(byName.api_keys.ownership).toBe('inherited');
  expect(byName.api_keys.path).toEqual([
    'api_keys.user_id → users.id',
    'users.organization_id → organizations.id',
  ]);
  expect(byName.dead_letter_queue.ownership).toBe('declared');
  expect(byName.plans).toEqual({ name: 'plans', ownership: 'shared', path: [] });
  expect(byName.notes_fts).toMatchObject({ ownership: 'excluded', reason: 'search index of nothing' });
  expect(document.unclassified.sort()).toEqual(
    ['partner_links', 'schema_migrations', 'we"ird\nname: {x}'].sort(),
  );
  expect(document.tables).toHaveLength(12 + 2 + 4 + 5);
});

test('tables names the unclassified ones first, with unsafe names written out', async () => {
  const { stdout } = await tenantDr(['tables'], { cwd: folderWithShop() });
  expect(stdout.split('\n')[1]).toMatch(/^partner_links +unclassified +several columns name a tenant/);
  expect(stdout).toContain('3 unclassified: partner_links, schema_migrations, we"ird\\nname: {x}.');
});

test('tables leaves the database byte for byte as it is', async () => {
  const cwd = folderWithShop();
  const before = readFileSync(join(cwd, 'shop.db'));
  await tenantDr(['tables'], { cwd });
  await tenantDr(['tenants'], { cwd });
  expect(readFileSync(join(cwd, 'shop.db')).equals(before)).toBe(true);
});

test('a tenants table that is gone is its own error', async () => {
  const cwd = folderWithShop('', 'database: shop.db\ntenants: { table: nobody }\n');
  const { exit, document } = await tenantDr(['tables', '--json'], { cwd });
  expect(exit).toBe(2);
  expect(document.error).toMatchObject({ code: 'tenants-table-missing', table: 'nobody' });
});

test('tenants lists id, slug, name, status, tier and rows; big ids are strings', async () => {
  const { exit, document } = await tenantDr(['tenants', '--json'], { cwd: folderWithShop() });
  expect(exit).toBe(0);
  expect(document.tenants).toMatchObject([
    {
      id: 1,
      slug: 'northwind',
      name: 'Northwind Labs',
      status: 'ACTIVE',
      tier: 'enterprise',
      rows: 5,
      newestBackup: null,
    },
    { id: 2, slug: 'evil', status: 'SUSPENDED', tier: 'free', unknownTier: 'gold', rows: 3 },
    { id: '9007199254740993', slug: 'big', tier: 'free', rows: 1 },
  ]);
  expect(document.tenants[0].rpo).toEqual({ limitSeconds: 3600, ageSeconds: null, met: false });
});

test('names with terminal escapes and right-to-left overrides never reach the terminal', async () => {
  const cwd = folderWithShop();
  const { stdout } = await tenantDr(['tenants'], { cwd });
  expect(stdout).toContain('Evil\\u{1b}[31m\\u{202e}gpj');
  const json = await tenantDr(['tenants', '--json'], { cwd });
  for (const out of [stdout, json.stdout])
    expect([...out].filter((one) => one === '\u001b' || one === '\u202e')).toEqual([]);
  expect(json.document.tenants[1].name).toBe('Evil\u001b[31m\u202egpj');
});

test.each([
  ['a piece of the name', 'WIND L', ['northwind'], undefined],
  ['the id', '9007199254740993', ['big'], undefined],
  ['an e-mail address', 'ANN@northwind', ['northwind'], ['users.email']],
  ['a per cent sign, which stands for itself', '%d@', ['northwind'], ['users.email']],
  ['an underscore, which stands for itself', 'b_1', ['evil'], ['users.email']],
  ['nothing there', "x' OR 1=1 --", [], undefined],
])('tenants --find finds by %s', async (_what, text, slugs, foundIn) => {
  const { exit, document } = await tenantDr(['tenants', '--json', '--find', text], { cwd: folderWithShop() });
  expect(exit).toBe(0);
  expect(document.tenants.map((tenant: { slug: string }) => tenant.slug)).toEqual(slugs);
  if (slugs.length > 0) expect(document.tenants[0].foundIn).toEqual(foundIn);
});

test('a search column that does not exist is an error that names it', async () => {
  const cwd = folderWithShop('', config.replace('users.email', 'users.mail'));
  const { exit, document } = await tenantDr(['tenants', '--json', '--find', 'x'], { cwd });
  expect([exit, document.error.code]).toEqual([2, 'config-invalid']);
  expect(document.error.message).toContain('"mail"');
});

test('tenants measures the newest usable backup against each tier', async () => {
  const cwd = folderWithShop();
  const { mkdirSync, copyFileSync } = await import('node:fs');
  mkdirSync(join(cwd, 'backups'));
  const twoHoursAgo = new Date(Date.now() - 2 * 3600_000);
  const name = (time: Date) =>
    `shop_${time.toISOString().slice(0, 19).replaceAll('-', '').replace('T', '_').replaceAll(':', '')}.db`;
  copyFileSync(join(cwd, 'shop.db'), join(cwd, 'backups', name(twoHoursAgo)));
  writeFileSync(join(cwd, 'backups', name(new Date())), '');
  const { document } = await tenantDr(['tenants', '--json', '--backups', 'backups'], { cwd });
  const [northwind, evil] = document.tenants;
  expect(northwind.newestBackup.ref).toBe(name(twoHoursAgo).replace('.db', ''));
  expect(northwind.rpo.ageSeconds).toBeGreaterThanOrEqual(7199);
  expect(northwind.rpo.met).toBe(false);
  expect(evil.rpo.met).toBe(true);
});

test('tenants --in looks into a backup, without touching the live database', async () => {
  const cwd = folderWithShop();
  const { renameSync } = await import('node:fs');
  renameSync(join(cwd, 'shop.db'), join(cwd, 'old.db'));
  shop(
    cwd,
    'DELETE FROM api_keys; DELETE FROM users; DELETE FROM jobs; DELETE FROM organizations WHERE id = 1;',
  );
  const { exit, document } = await tenantDr(['tenants', '--json', '--in', 'old.db'], { cwd });
  expect(exit).toBe(0);
  expect(
    document.tenants.map((tenant: { slug: string; rows: number }) => [tenant.slug, tenant.rows]),
  ).toEqual([
    ['northwind', 5],
    ['evil', 3],
    ['big', 1],
  ]);
  const live = await tenantDr(['tenants', '--json'], { cwd });
  expect(live.document.tenants).toHaveLength(2);
});
