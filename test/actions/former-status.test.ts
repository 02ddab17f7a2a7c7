import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { absentOperator } from '../../src/runbook/headless.ts';
import { tenantDr } from '../cli/run.ts';
import { shell, shellWorld } from '../e2e/shell.ts';
import { resume, type Scene, sceneOf, start } from '../runbook/scene.ts';
import { ScriptedOperator } from '../runbook/support.ts';

/** Who is suspended on trial comes back on trial: a status is given back as it was, or it is said that nobody knows it. */

interface Told {
  /** SQL, for what is live and in the backup. */
  create?: string;
  damage?: string;
  status?: Record<string, unknown>;
}

/** Alfa on trial, with one memo that was lost since the backup. */
async function onTrial({ create = '', damage = 'DELETE FROM memos', status }: Told = {}): Promise<Scene> {
  const memos = "CREATE TABLE memos (tenant_id INTEGER, body TEXT); INSERT INTO memos VALUES (1, 'a')";
  const trial = "UPDATE tenants SET status = 'trial' WHERE id = 1";
  const world = shellWorld({ create: `${memos}; ${trial}; ${create}`, damage });
  const config = parse(readFileSync(world.configPath, 'utf8'));
  config.tenants = {
    ...config.tenants,
    settle: '0s',
    status: status ?? { column: 'status', active: 'active', suspended: 'suspended' },
  };
  writeFileSync(world.configPath, stringify(config));
  return sceneOf(world);
}

const steps = {
  suspend: 'uses: suspend',
  restore: 'uses: restore',
  reactivate: 'uses: reactivate, with: { requireVerification: false }',
};

function book(here: Scene, ...names: (keyof typeof steps)[]): string {
  const restore = `uses: restore, with: { from: ${here.world.backupPath}, mode: exact }`;
  const lines = names.map((name, index) => {
    const body = name === 'restore' ? restore : steps[name];
    return `  - { id: s${index}, title: T, estimate: 1m, why: w, ${body} }\n`;
  });
  return `id: short\ntitle: Short\nsymptoms: [s]\nimpact: [i]\nsteps:\n${lines.join('')}`;
}

/** Walks these steps as an incident of their own; what the last said of the status. */
async function walk(here: Scene, ...names: (keyof typeof steps)[]) {
  const { incident, runner } = await start(here, book(here, ...names), absentOperator(here.tenant.slug));
  expect(await runner.run()).toEqual({ outcome: 'completed', error: null });
  await incident.close();
  return {
    id: incident.id,
    ...(Object.values(incident.state.tasks).at(-1)?.output as { from?: string; why?: string }),
  };
}

function live(here: Scene, column = 'status'): string {
  return shell(here.world.dbPath, `SELECT typeof(${column}), ${column} FROM tenants WHERE id = 1`).trim();
}

test.each<[string, string, Told, string]>([
  ['a word', 'status', {}, 'text|trial'],
  ['NULL', 'status', { create: 'UPDATE tenants SET status = NULL WHERE id = 1' }, 'null|'],
  [
    'a number in a column of no type',
    'state',
    {
      create: 'ALTER TABLE tenants ADD COLUMN state; UPDATE tenants SET state = 2',
      status: { column: 'state', active: 1, suspended: 0 },
    },
    'integer|2',
  ],
  [
    'true in a column of no type',
    'works',
    {
      create: 'ALTER TABLE tenants ADD COLUMN works; UPDATE tenants SET works = 1',
      status: { column: 'works', active: true, suspended: false },
    },
    'integer|1',
  ],
])('the status before is put back: %s', async (_, column, told, before) => {
  const here = await onTrial(told);
  await walk(here, 'suspend', 'restore', 'reactivate');
  expect(live(here, column)).toBe(before);
});

test('the preview and the journal say which status it will be', async () => {
  const here = await onTrial();
  const person = new ScriptedOperator({
    's0.proceed': 'go',
    's0.confirm': 'alfa',
    's1.proceed': 'go',
    's1.confirm': 'alfa',
  });
  const text = book(here, 'suspend', 'reactivate');
  const { incident, runner } = await start(
    here,
    text.replace(/(.*reactivate,)/, '$1 confirm: typed,'),
    person,
  );
  await runner.run();
  await incident.close();
  const asked = person.asked.find(({ id }) => id === 's1.confirm');
  expect(asked).toMatchObject({
    preview: {
      summary: expect.stringContaining('status becomes trial, what it was before it was suspended'),
    },
  });
  expect(incident.entries.filter((one) => one.event === 'tenant.reactivated')).toMatchObject([
    { former: 'suspended', status: 'trial' },
  ]);
});

test('on the command line too, however often it was suspended, and what was put back stays', async () => {
  const here = await onTrial();
  const run = (...words: string[]) =>
    tenantDr([...words, 'alfa', '--confirm', 'alfa', '--as', 'alice', '--json'], { cwd: here.world.dir });
  await run('suspend');
  const { document: second } = await run('suspend');
  expect(second.former).toBe('suspended');
  const { document } = await run('reactivate');
  expect(document).toMatchObject({ former: 'suspended', status: 'trial', statusFrom: 'before' });
  expect((await run('reactivate')).document).toMatchObject({ status: 'trial', statusFrom: 'unchanged' });
  expect(live(here)).toBe('text|trial');
});

test.each<[string, string, string]>([
  ['nothing here suspended it', "UPDATE tenants SET status = 'suspended'", 'no incident here knows'],
  ['another gave it back', 'back', 'no incident here knows'],
])('where %s, the configured status is set and said', async (_, how, why) => {
  const here = await onTrial();
  if (how === 'back') await walk(here, 'suspend', 'reactivate');
  shell(here.world.dbPath, "UPDATE tenants SET status = 'suspended'");
  const done = await walk(here, 'reactivate');
  expect(done).toMatchObject({ from: 'configured', why: expect.stringContaining(why) });
  expect(live(here)).toBe('text|active');
});

test('one that was suspended before the incident gets the configured status, and it is said why', async () => {
  const here = await onTrial({ create: "UPDATE tenants SET status = 'suspended'" });
  const done = await walk(here, 'suspend', 'reactivate');
  expect(done).toMatchObject({
    from: 'configured',
    why: expect.stringContaining('suspended before already'),
  });
  expect(live(here)).toBe('text|active');
});

test('what somebody else made of it meanwhile is left alone', async () => {
  const here = await onTrial();
  const person = new ScriptedOperator({ 's0.proceed': 'go', 's0.confirm': 'alfa', 's1.proceed': 'leave' });
  const left = await start(here, book(here, 'suspend', 'reactivate'), person);
  await left.runner.run();
  await left.incident.close();
  shell(here.world.dbPath, "UPDATE tenants SET status = 'paid'");
  const again = await resume(here, left.incident.id, absentOperator('alfa'));
  expect(await again.runner.run()).toMatchObject({ outcome: 'completed' });
  await again.incident.close();
  expect(live(here)).toBe('text|paid');
});

test.each(['trial', 'paid'])(
  'nor is what somebody made of it, here %s, overwritten by an incident of its own that only reactivates',
  async (status) => {
    const here = await onTrial();
    await walk(here, 'suspend');
    shell(here.world.dbPath, `UPDATE tenants SET status = '${status}'`);
    expect(await walk(here, 'reactivate')).toMatchObject({ from: 'unchanged' });
    expect(live(here)).toBe(`text|${status}`);
  },
);

test('killed between giving it back and its line in the journal, it keeps what it was given', async () => {
  const here = await onTrial();
  await walk(here, 'suspend');
  const person = new ScriptedOperator({ 's0.proceed': 'leave' });
  const left = await start(here, book(here, 'reactivate'), person);
  await left.runner.run();
  await left.incident.append({
    event: 'task.started',
    step: 's0',
    task: 's0',
    action: 'reactivate',
    effect: 'write',
    input: { requireVerification: false },
    commands: [],
  });
  await left.incident.close();
  shell(here.world.dbPath, "UPDATE tenants SET status = 'trial' WHERE id = 1");
  const again = await resume(here, left.incident.id, absentOperator('alfa'));
  expect(await again.runner.run()).toMatchObject({ outcome: 'completed' });
  expect(again.incident.entries.map((one) => one.event)).toContain('tenant.reactivated');
  await again.incident.close();
  expect(live(here)).toBe('text|trial');
});

test.each([
  ['trial', 'text|trial', 'backup'],
  ['suspended', 'text|active', 'configured'],
])(
  'a row that was gone comes back suspended, and then as in the backup, there %s',
  async (then, now, from) => {
    const create = `UPDATE tenants SET status = '${then}' WHERE id = 1`;
    const here = await onTrial({ create });
    shell(here.world.dbPath, 'DELETE FROM tenants WHERE id = 1');
    const { id } = await walk(here, 'restore');
    expect(live(here)).toBe('text|suspended');
    const done = await walk(here, 'reactivate');
    expect(done).toMatchObject({ from, why: expect.stringContaining(from === 'backup' ? id : 'backup too') });
    expect(live(here)).toBe(now);
  },
);

test('an undo that takes it out of service again is no end of its former status', async () => {
  const here = await onTrial();
  const { id } = await walk(here, 'suspend', 'restore', 'reactivate');
  const run = (...words: string[]) =>
    tenantDr([...words, '--confirm', 'alfa', '--as', 'alice', '--json'], { cwd: here.world.dir });
  const undone = (await run('undo', id)).document;
  expect(undone.status).toEqual({ before: 'trial', after: 'suspended', active: false });
  expect((await run('reactivate', 'alfa')).document).toMatchObject({ status: 'trial', statusFrom: 'before' });
  // Back on trial by an undo is back at work.
  await walk(here, 'suspend');
  const again = (await run('undo', undone.incident)).document;
  expect([again.status, live(here)]).toEqual([
    { before: 'suspended', after: 'trial', active: true },
    'text|trial',
  ]);
});

test('killed between the change and its line in the journal, it is still known', async () => {
  const here = await onTrial();
  const person = new ScriptedOperator({ 's0.proceed': 'leave' });
  const left = await start(here, book(here, 'suspend', 'reactivate'), person);
  await left.runner.run();
  const tenant = here.tenant.id;
  await left.incident.append({
    event: 'task.started',
    step: 's0',
    task: 's0',
    action: 'suspend',
    effect: 'destroy',
    input: {},
    commands: [],
  });
  await left.incident.append({ event: 'tenant.suspending', tenant, former: 'trial', status: 'suspended' });
  await left.incident.close();
  shell(here.world.dbPath, "UPDATE tenants SET status = 'suspended' WHERE id = 1");
  const again = await resume(here, left.incident.id, absentOperator('alfa'));
  expect(await again.runner.run()).toMatchObject({ outcome: 'completed' });
  expect(again.incident.state.suspensions).toMatchObject([{ former: 'trial' }]);
  await again.incident.close();
  expect(live(here)).toBe('text|trial');
});

test('a dry run names the status it has', async () => {
  const here = await onTrial();
  const { incident, runner } = await start(
    here,
    book(here, 'suspend', 'reactivate'),
    absentOperator('alfa'),
    {
      mode: 'dry-run',
    },
  );
  await runner.run();
  await incident.close();
  const notes = incident.state.taskNotes.map(({ text }) => text).join('\n');
  expect(notes).toContain('status stays trial, what it was before');
  expect(live(here)).toBe('text|trial');
});
