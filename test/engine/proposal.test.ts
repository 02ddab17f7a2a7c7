import { expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema.ts';
import { guessTenants, singularOf } from '../../src/engine/conventions.ts';
import { classify } from '../../src/engine/ownership.ts';
import { proposeTables } from '../../src/engine/proposal.ts';
import type { Column, Schema, Table } from '../../src/engine/schema.ts';
import { guessStatus } from '../../src/engine/tenant-values.ts';

function table(name: string, columns: string[] = ['id', 'tenant_id'], facts: Partial<Table> = {}): Table {
  const column = (one: string): Column => ({
    name: one,
    type: 'TEXT',
    notNull: false,
    hasDefault: false,
    generated: false,
  });
  return {
    name,
    kind: 'table',
    columns: columns.map(column),
    primaryKey: ['id'],
    uniques: [],
    foreignKeys: [],
    triggers: [],
    ...facts,
  };
}

const schemaOf = (...tables: Table[]): Schema => ({
  tables: [table('tenants', ['id']), ...tables],
  fingerprint: '',
});
const tenants = configSchema.parse({}).tenants;

function proposed(one: Table) {
  return proposeTables(schemaOf(one), tenants, ['tenant_id']).find(({ name }) => name === one.name);
}

test.each([
  ['audit_events', { restore: 'missing' }],
  ['audit_log', { restore: 'missing' }],
  ['AuditTrail', { restore: 'missing' }],
  ['order_log', { restore: 'missing' }],
  ['login_history', { restore: 'missing' }],
  ['api_keys', { review: 'credentials' }],
  ['apikeys', { review: 'credentials' }],
  ['refresh_tokens', { review: 'credentials' }],
  ['sso_connections', { review: 'credentials' }],
  ['users', { review: 'credentials' }],
  ['team_members', { review: 'credentials' }],
  ['invoices', { review: 'billing' }],
  ['subscriptions', { review: 'billing' }],
] as const)('%s gets a proposal by its name', (name, rule) => {
  expect(proposed(table(name))?.rule).toEqual(rule);
});

test.each([
  'audit_messages',
  'null_keys',
  'blog_posts',
  'catalogs',
  'agents',
  'events',
  'taskbars',
  'keyboards',
])('%s is ordinary data', (name) => {
  expect(proposed(table(name))?.rule).toBeNull();
});

test('a queue is told by its name and by a column that says how far the work is', () => {
  expect(proposed(table('jobs', ['id', 'tenant_id', 'status']))?.rule).toEqual({ review: 'queue' });
  expect(proposed(table('webhook_deliveries', ['id', 'tenant_id', 'attempts']))?.rule).toEqual({
    review: 'queue',
  });
  expect(proposed(table('tasks', ['id', 'tenant_id', 'title']))?.rule).toBeNull();
});

test('sessions with a token are credentials, others are reviewed as a queue', () => {
  expect(proposed(table('sessions', ['id', 'tenant_id', 'token_hash']))?.rule).toEqual({
    review: 'credentials',
  });
  expect(proposed(table('sessions', ['id', 'tenant_id']))?.rule).toEqual({ review: 'queue' });
});

test('a table no key leads from is proposed as shared, for review', () => {
  expect(proposed(table('plans', ['id', 'name']))).toMatchObject({ rule: 'shared', review: true });
  expect(proposed(table('schema_migrations', ['version']))).toMatchObject({ rule: 'shared', review: false });
});

test('a column named after an owned table is proposed as the way to it', () => {
  const found = proposeTables(
    schemaOf(table('jobs'), table('job_errors', ['id', 'originalJobId'])),
    tenants,
    ['tenant_id'],
  );
  expect(found.find(({ name }) => name === 'job_errors')).toMatchObject({
    ownership: 'declared',
    rule: { through: 'jobs', on: { originalJobId: 'id' } },
    review: true,
  });
});

test('a unique column of the very name and type is meant rather than the primary key', () => {
  const uniques = [{ name: 'u', columns: ['job_id'], partial: false, primary: false }];
  const rule = (facts: Partial<Table>) =>
    proposeTables(
      schemaOf(table('jobs', ['id', 'tenant_id', 'job_id'], facts), table('errors', ['id', 'job_id'])),
      tenants,
      ['tenant_id'],
    ).find(({ name }) => name === 'errors')?.rule;
  expect(rule({ uniques })).toEqual({ through: 'jobs', on: { job_id: 'job_id' } });
  expect(rule({})).toEqual({ through: 'jobs', on: { job_id: 'id' } });
  const named = table('jobs', ['id', 'tenant_id', 'job_id']).columns;
  const text = named.map((one) => (one.name === 'job_id' ? { ...one, type: 'BLOB' } : one));
  expect(rule({ uniques, columns: text })).toEqual({ through: 'jobs', on: { job_id: 'id' } });
});

test('a table found by such a column is the way for the next, and its rows stay what they are', () => {
  const chain = [table('jobs'), table('job_runs', ['id', 'job_id']), table('run_logs', ['id', 'job_run_id'])];
  const found = proposeTables(schemaOf(...chain.toReversed()), tenants, ['tenant_id']);
  expect(found.find(({ name }) => name === 'run_logs')).toMatchObject({
    rule: { through: 'job_runs', on: { job_run_id: 'id' }, restore: 'missing' },
    review: true,
  });
});

test('rows that name their tenant or else a parent they go down with are proposed to belong by both, unless it is a person', () => {
  const cascade = (...pairs: [string, string][]) =>
    pairs.map(([column, parent]) => ({
      columns: [column],
      table: parent,
      parentColumns: ['id'],
      onDelete: 'CASCADE',
      onUpdate: 'NO ACTION',
    }));
  const columns = ['id', 'tenant_id', 'user_id', 'project_id'];
  const tokens = table('tickets', columns, {
    foreignKeys: cascade(['user_id', 'users'], ['project_id', 'projects']),
  });
  const found = (one: Table) =>
    proposeTables(schemaOf(table('users'), table('projects'), one), tenants, ['tenant_id']).at(-1);
  expect(found(tokens)).toMatchObject({
    rule: { column: 'tenant_id', through: 'projects', on: { project_id: 'id' } },
    review: true,
  });
  const filled = tokens.columns.map((column) => ({ ...column, notNull: column.name === 'tenant_id' }));
  expect(found({ ...tokens, columns: filled })?.rule).toBeNull();
  expect(found({ ...tokens, foreignKeys: cascade(['user_id', 'users']) })?.rule).toBeNull();
});

test('a row that one row of an owned table holds, and nothing else refers to, is proposed to belong to its holder', () => {
  const key = {
    columns: ['body_id'],
    table: 'bodies',
    parentColumns: ['id'],
    onDelete: 'NO ACTION',
    onUpdate: 'NO ACTION',
  };
  const held = (name: string, partial = false) =>
    table(name, ['id', 'tenant_id', 'body_id'], {
      foreignKeys: [key],
      uniques: [{ name: 'u', columns: ['body_id'], partial, primary: false }],
    });
  const bodies = table('bodies', ['id']);
  const rule = (...tables: Table[]) =>
    proposeTables(schemaOf(...tables), tenants, ['tenant_id']).find(({ name }) => name === 'bodies')?.rule;
  expect(rule(bodies, held('mails'))).toEqual({ through: 'mails', on: { id: 'body_id' } });
  const sender = { ...key, columns: ['sender_id'], table: 'senders' };
  const signed = table('bodies', ['id', 'sender_id'], { foreignKeys: [sender] });
  expect(rule(signed, table('senders'), held('mails'))).toEqual({ through: 'mails', on: { id: 'body_id' } });
  expect(rule(bodies, held('mails', true))).toBe('shared');
  expect(rule(bodies, held('mails'), held('notes'))).toBe('shared');
});

test('the name most keys into the tenants bear owns rows too, where a key of that name means nothing else', () => {
  const to = (name: string, column: string, parent = 'tenants'): Table =>
    table(name, ['id', column], {
      foreignKeys: [{ columns: [column], table: parent, parentColumns: ['id'] }] as Table['foreignKeys'],
    });
  const tables = [
    to('a', 'tenant_id'),
    to('b', 'org_id'),
    to('c', 'org_id'),
    to('d', 'boss_id'),
    table('e', ['id', 'org_id']),
  ];
  expect(guessTenants(schemaOf(...tables))?.ownershipColumns).toEqual(['tenant_id', 'org_id']);
  expect(guessTenants(schemaOf(...tables, to('f', 'org_id', 'a')))?.ownershipColumns).toEqual(['tenant_id']);
});

test('a state beside a city is no status', async () => {
  const session = { tenants: async () => [] };
  const guess = (...columns: string[]) => guessStatus(session, table('tenants', columns), tenants);
  expect(await guess('id', 'state', 'city')).toBeUndefined();
  expect(await guess('id', 'state', 'city', 'active')).toMatchObject({ column: 'active' });
  expect(await guess('id', 'state')).toMatchObject({ column: 'state' });
});

test('a column that cannot be compared with the key it is named after is no way to it, proposed or declared', () => {
  const typed = (one: Table, comparesAs: string): Table => ({
    ...one,
    columns: one.columns.map((column) => ({ ...column, comparesAs })),
  });
  const schema = schemaOf(typed(table('jobs'), 'uuid'), typed(table('job_errors', ['id', 'job_id']), 'N'));
  const found = proposeTables(schema, tenants, ['tenant_id']);
  expect(found.find(({ name }) => name === 'job_errors')?.rule).toBe('shared');
  const declared = (on: Record<string, string>) => () =>
    classify(schema, {
      tenants,
      ownership: { columns: ['tenant_id'], tables: { job_errors: { through: 'jobs', on } } },
    });
  expect(declared({ job_id: 'id' })).toThrow('these types cannot be compared');
  expect(declared({ job_id: 'number' })).toThrow('names column "number" of jobs');
});

test.each([
  ['a list of its own', 'customers', 'id', 'inherited'],
  ['a table that bears the id of its tenant', 'settings', 'tenant_id', 'direct'],
  ['the tenants', 'tenants', 'id', 'direct'],
])('a column named as the one of tenants, with a key to %s', (_, parent, to, kind) => {
  const key = (column: string, table: string, parentColumn: string) => ({
    columns: [column],
    table,
    parentColumns: [parentColumn],
    onDelete: 'CASCADE',
    onUpdate: 'NO ACTION',
  });
  const schema = schemaOf(
    table('customers', ['id', 'owner'], { foreignKeys: [key('owner', 'tenants', 'id')] }),
    table('settings', ['tenant_id'], { foreignKeys: [key('tenant_id', 'tenants', 'id')] }),
    table('contacts', ['id', 'tenant_id'], { foreignKeys: [key('tenant_id', parent, to)] }),
  );
  const { tables } = classify(schema, { tenants, ownership: { columns: ['tenant_id'], tables: {} } });
  expect(tables.at(-1)?.ownership).toBe(kind);
});

test('a rule is for the table that its name means to the database, in whatever case', () => {
  const classified = (foldsCase: boolean) =>
    classify(
      { ...schemaOf(table('Jobs', ['id', 'Tenant_ID']), table('plans', ['id'])), foldsCase },
      {
        tenants,
        ownership: { columns: ['tenant_id'], tables: { jobs: { column: 'tenant_id' }, PLANS: 'shared' } },
      },
    );
  expect(classified(true)).toMatchObject({
    unknown: [],
    unclassified: [],
    tables: [{}, { ownership: 'declared', membership: { column: 'Tenant_ID' } }, { ownership: 'shared' }],
  });
  const twice = { Plans: 'shared', PLANS: { exclude: 'x' } } as const;
  const schema = { ...schemaOf(table('plans', ['id'])), foldsCase: true };
  expect(() => classify(schema, { tenants, ownership: { columns: [], tables: twice } })).toThrow(
    'two rules for the table plans: Plans and PLANS',
  );
  expect(classified(false)).toMatchObject({ unknown: ['jobs', 'PLANS'], unclassified: ['Jobs', 'plans'] });
});

test.each([
  ['tenants', 'tenant'],
  ['companies', 'company'],
  ['businesses', 'business'],
  ['boxes', 'box'],
  ['access', 'access'],
])('one of the %s is a %s', (many, one) => {
  expect(singularOf(many)).toBe(one);
});

test.each([
  ['the one address that is unique', ['url'], 'url'],
  ['no address that two may have', [], undefined],
  ['neither of two addresses', ['url', 'host'], undefined],
])('%s is the slug where no column is called so', (_, unique, slug) => {
  const uniques = unique.map((name) => ({ name, columns: [name], partial: false, primary: false }));
  const sites = table('tenants', ['id', 'name', 'url', 'host'], { uniques });
  expect(guessTenants({ tables: [sites], fingerprint: '' })?.slug).toBe(slug);
});

test('without a table that looks like tenants there is no guess', () => {
  expect(guessTenants({ tables: [table('pupils')], fingerprint: '' })).toBeUndefined();
  expect(guessTenants({ tables: [table('pupils')], fingerprint: '' }, 'pupils')?.id).toBe('id');
  const nothingBelongs = schemaOf(table('books', ['id']));
  expect(guessTenants(nothingBelongs)).toBeUndefined();
  expect(guessTenants(nothingBelongs, 'tenants')?.id).toBe('id');
});

test.each([
  ['a uuid is every table’s own key', ['uuid', 'organization_uuid'], [], ['organization_uuid']],
  ['keys to the tenants say what the column is called', ['uuid', 'org_uuid'], ['org_uuid'], ['org_uuid']],
  [
    'a tenant_id beside keys of another name is somebody else’s',
    ['uuid', 'tenant_id', 'org_uuid'],
    ['org_uuid'],
    ['org_uuid'],
  ],
  ['without keys the usual name counts', ['uuid', 'tenant_id'], [], ['tenant_id']],
] as const)('which columns name a tenant: %s', (_, columns, keys, expected) => {
  const foreignKeys = keys.map((key) => ({
    columns: [key],
    table: 'organizations',
    parentColumns: ['uuid'],
    onDelete: 'NO ACTION',
    onUpdate: 'NO ACTION',
  }));
  const items = table('items', [...columns], { primaryKey: ['uuid'], foreignKeys });
  const organizations = table('organizations', ['uuid', 'name'], { primaryKey: ['uuid'] });
  expect(guessTenants({ tables: [organizations, items], fingerprint: '' })?.ownershipColumns).toEqual(
    expected,
  );
});

test('neither a tenant’s key to its parent nor text beside a numbered key is taken for a key', () => {
  const parent = {
    columns: ['parent_tenant_id'],
    table: 'tenants',
    parentColumns: ['id'],
    onDelete: '',
    onUpdate: '',
  };
  const numbered = table('jobs').columns.map((one) => ({ ...one, type: 'INTEGER' }));
  const schema = schemaOf(
    table('copies', ['id', 'parent_tenant_id']),
    table('jobs', ['id'], { columns: numbered }),
    table('runs', ['id', 'vendor_job_id']),
  );
  schema.tables[0] = table('tenants', ['id', 'parent_tenant_id'], { foreignKeys: [parent] });
  const found = proposeTables(schema, tenants, ['tenant_id']);
  const shared = found.filter(({ rule }) => rule === 'shared').map(({ name }) => name);
  expect(shared).toEqual(['copies', 'runs']);
});

test('tenants are known by the column that keys refer to, and rows belong by that key whatever the config calls the id', () => {
  const foreignKeys = [
    { columns: ['owner'], table: 'tenants', parentColumns: ['uuid'], onDelete: 'CASCADE', onUpdate: '' },
  ];
  const root = table('tenants', ['id', 'uuid']);
  const schema: Schema = {
    tables: [root, table('notes', ['id', 'owner'], { foreignKeys })],
    fingerprint: '',
  };
  expect(guessTenants(schema)).toMatchObject({ id: 'uuid', ownershipColumns: ['owner'] });
  const belongs = (id: string) =>
    classify(schema, { tenants: { ...tenants, id }, ownership: { columns: ['owner'], tables: {} } }).tables[1]
      ?.path;
  expect(belongs('uuid')).toEqual(['notes.owner → tenants.uuid']);
  expect(belongs('id')).toEqual(['notes.owner → tenants.uuid', 'tenants.id']);
});

test('a column is taken for a key only where no foreign key says what it is', () => {
  const key = (column: string, to: string) => ({
    columns: [column],
    table: to,
    parentColumns: ['id'],
    onDelete: 'NO ACTION',
    onUpdate: 'NO ACTION',
  });
  const schema = schemaOf(
    table('users'),
    table('viewers', ['id']),
    table('visits', ['id', 'user_id'], { foreignKeys: [key('user_id', 'viewers')] }),
    table('boards', ['id', 'org'], { foreignKeys: [key('org', 'tenants')] }),
    table('events', ['id', 'org']),
  );
  const found = proposeTables(schema, tenants, ['tenant_id']);
  expect(found.find(({ name }) => name === 'visits')?.rule).toBe('shared');
  expect(found.find(({ name }) => name === 'events')).toMatchObject({
    rule: { column: 'org' },
    review: true,
  });
});

test("a column spelled otherwise than the keys to the tenants names the row's tenant before any other key", () => {
  const spelled = 'tenantId';
  const key = {
    columns: [spelled],
    table: 'tenants',
    parentColumns: ['id'],
    onDelete: 'CASCADE' as const,
    onUpdate: 'NO ACTION' as const,
  };
  const workflows = table('workflows', ['id', spelled], { foreignKeys: [key] });
  const runs = table('v1_runs', ['id', 'workflow_id', 'tenant_id']);
  const found = proposeTables(schemaOf(workflows, runs), tenants, [spelled]);
  expect(found.find(({ name }) => name === 'v1_runs')).toMatchObject({
    rule: { column: 'tenant_id' },
    review: true,
  });
});

test('a column named as the key to owned rows of another table is guessed to be one, for review', () => {
  const key = (column: string, parent: string) => ({
    columns: [column],
    table: parent,
    parentColumns: ['id'],
    onDelete: 'CASCADE' as const,
    onUpdate: 'NO ACTION' as const,
  });
  const endpoint = table('endpoint');
  const sent = table('sent', ['id', 'endp_id', 'ref_id'], {
    foreignKeys: [key('endp_id', 'endpoint'), key('ref_id', 'endpoint')],
  });
  const attempt = table('attempt', ['id', 'endp_id']);
  // A name that leads here and there tells nothing.
  const elsewhere = table('elsewhere', ['id', 'tenant_id', 'ref_id'], {
    foreignKeys: [key('ref_id', 'sent')],
  });
  const other = table('other', ['id', 'ref_id']);
  const found = proposeTables(schemaOf(endpoint, sent, attempt, elsewhere, other), tenants, ['tenant_id']);
  expect(found.find(({ name }) => name === 'attempt')).toMatchObject({
    rule: { through: 'endpoint', on: { endp_id: 'id' } },
    review: true,
  });
  expect(found.find(({ name }) => name === 'other')).toMatchObject({ rule: 'shared', review: true });
});

test('a table whose rows no single column tells apart is no table of tenants', () => {
  const team = (facts: Partial<Table>): Schema => ({
    tables: [
      table('team', ['realm_id', 'team_id'], { primaryKey: ['realm_id', 'team_id'], ...facts }),
      table('member', ['id', 'realm_id', 'team_id']),
      table('post', ['id', 'realm_id', 'team_id']),
    ],
    fingerprint: '',
  });
  expect(guessTenants(team({}))).toBeUndefined();
  expect(guessTenants(team({}), 'team')).toBeUndefined();
  const unique = [{ name: 'u', columns: ['team_id'], partial: false, primary: false }];
  expect(guessTenants(team({ uniques: unique }))?.id).toBe('team_id');
});

test('a record that is a part of another row is marked: kept, it stops a restore that would delete that row', () => {
  const logOf = (facts: { filled: boolean; parent: string }) => {
    const key = {
      columns: ['run_id'],
      table: facts.parent,
      parentColumns: ['id'],
      onDelete: 'CASCADE' as const,
      onUpdate: 'NO ACTION' as const,
    };
    const log = table('run_log', ['id', 'run_id'], { foreignKeys: [key] });
    const run = log.columns.find(({ name }) => name === 'run_id');
    if (run) run.notNull = facts.filled;
    return proposeTables(schemaOf(table(facts.parent), log), tenants, ['tenant_id']).find(
      ({ name }) => name === 'run_log',
    );
  };
  expect(logOf({ filled: true, parent: 'runs' })).toMatchObject({
    rule: { restore: 'missing' },
    review: true,
  });
  expect(logOf({ filled: true, parent: 'runs' })?.why).toContain('delete their runs');
  expect(logOf({ filled: false, parent: 'runs' })).toMatchObject({
    rule: { restore: 'missing' },
    review: false,
  });
  expect(logOf({ filled: true, parent: 'users' })).toMatchObject({
    rule: { restore: 'missing' },
    review: false,
  });
});
