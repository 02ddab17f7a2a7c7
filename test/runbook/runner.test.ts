import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { TenantDrError } from '../../src/errors.ts';
import { resumeIncident } from '../../src/incident/store.ts';
import { absentOperator } from '../../src/runbook/headless.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { shell } from '../e2e/shell.ts';
import { resume, scene, start, statusOf } from './scene.ts';
import { goBack, ScriptedOperator } from './support.ts';

const head = `id: short
title: Short
symptoms: [something]
impact: [one tenant]
steps:
`;

const suspendStep = `  - id: isolate
    title: Isolate
    estimate: 5m
    why: nothing must change
    steps:
      - { id: suspend, title: Suspend, uses: suspend }
      - { id: settle, title: Settle, uses: settle, with: { seconds: 0 } }
`;

const back = `  - id: reactivate
    title: Reactivate
    estimate: 5m
    why: they want to work
    uses: reactivate
    with: { requireVerification: false }
    confirm: typed
`;

test('a runbook is walked to its end, and every step is in the journal before and after', async () => {
  const here = await scene();
  const slug = here.tenant.slug;
  const operator = new ScriptedOperator({
    'suspend.proceed': 'go',
    'suspend.confirm': slug,
    'reactivate.proceed': 'go',
    'reactivate.confirm': slug,
  });
  const { incident, runner } = await start(here, head + suspendStep + back, operator);
  expect(await runner.run()).toEqual({ outcome: 'completed', error: null });
  expect(await statusOf(here)).toBe('active');
  const events = incident.entries
    .map((entry) => entry.event)
    .filter((name) => /^(step|task|tenant|closed|confirmed)/.test(name));
  expect(events).toEqual([
    'step.started',
    'confirmed',
    'task.started',
    'tenant.suspending',
    'tenant.suspended',
    'task.finished',
    'task.started',
    'tenant.settled',
    'task.finished',
    'step.finished',
    'step.started',
    'confirmed',
    'task.started',
    'tenant.reactivated',
    'task.finished',
    'step.finished',
    'closed',
  ]);
  expect(incident.state.usable).not.toBeNull();
  await incident.close();
});

test.each([['y'], [''], ['NORTH'], ['padded ']])('the phrase typed as %j suspends nobody', async (typed) => {
  const here = await scene();
  const wrong = typed === 'padded ' ? `${here.tenant.slug} ` : typed;
  const operator = new ScriptedOperator({
    'suspend.proceed': ['go', 'leave'],
    'suspend.confirm': [wrong, null],
  });
  const { incident, runner } = await start(here, head + suspendStep, operator);
  const result = await runner.run();
  expect(result.outcome).toBe('stopped');
  expect(await statusOf(here)).toBe('active');
  expect(incident.entries.some((entry) => entry.event === 'task.started')).toBe(false);
  await incident.close();
});

test('without a person and without --confirm the run stops before the first destructive step', async () => {
  const here = await scene();
  const { incident, runner } = await start(here, head + suspendStep, absentOperator(undefined));
  const result = await runner.run();
  expect([result.outcome, result.error?.code]).toEqual(['stopped', 'confirmation-refused']);
  expect(await statusOf(here)).toBe('active');
  await incident.close();
});

test('a step left out with a reason is journaled as skipped, never as done', async () => {
  const here = await scene();
  const call = `  - id: call
    title: Call
    estimate: 1m
    why: they wait
    checklist: [call them]
    auto: { skip: nobody can call at night }
`;
  const { incident, runner } = await start(here, head + call, absentOperator(undefined));
  expect((await runner.run()).outcome).toBe('completed');
  const step = incident.state.steps[0];
  expect([step?.state, step?.reason, step?.skippedBy]).toEqual([
    'skipped',
    'nobody can call at night',
    'auto',
  ]);
  await incident.close();
});

test('a checklist without a word about it stops a run without a person', async () => {
  const here = await scene();
  const call = '  - { id: call, title: Call, estimate: 1m, why: they wait, checklist: [call them] }\n';
  const { incident, runner } = await start(here, head + call, absentOperator(here.tenant.slug));
  const result = await runner.run();
  expect([result.outcome, result.error?.code]).toEqual(['stopped', 'confirmation-refused']);
  await incident.close();
});

test('a gate stays closed for what was skipped, and stops a run without a person', async () => {
  const here = await scene();
  const gated = back.replace('confirm: typed', 'confirm: typed\n    gate: [suspend]');
  const skipped = suspendStep.replace('uses: suspend }', 'uses: suspend, auto: { skip: not needed } }');
  const { incident, runner } = await start(here, head + skipped + gated, absentOperator(here.tenant.slug));
  const result = await runner.run();
  expect([result.outcome, result.error?.code]).toEqual(['stopped', 'gate-failed']);
  await incident.close();
});

test('a person can open a gate with a reason, which is kept', async () => {
  const here = await scene();
  const gated = back.replace('confirm: typed', 'confirm: typed\n    gate: [suspend]');
  const operator = new ScriptedOperator({
    'suspend.confirm': null,
    'suspend.proceed': ['go', 'skip', 'skip'],
    'suspend.reason': [goBack, 'already out of service'],
    'reactivate.gate': ['override', 'override'],
    'reactivate.reason': [goBack, 'they checked it themselves'],
    'reactivate.proceed': 'go',
    'reactivate.confirm': here.tenant.slug,
  });
  const { incident, runner } = await start(here, head + suspendStep + gated, operator);
  expect((await runner.run()).outcome).toBe('completed');
  const overridden = incident.entries.find((entry) => entry.event === 'gate.overridden');
  expect(overridden).toMatchObject({ reason: 'they checked it themselves' });
  await incident.close();
});

test('a dry run shows and changes nothing, and meets no RTO', async () => {
  const here = await scene();
  const { incident, runner } = await start(here, head + suspendStep + back, absentOperator(undefined), {
    mode: 'dry-run',
  });
  expect((await runner.run()).outcome).toBe('completed');
  expect(await statusOf(here)).toBe('active');
  expect(incident.state.steps.map((step) => step.state)).toEqual(['skipped', 'skipped']);
  expect(incident.state.usable).toBeNull();
  expect(incident.state.taskNotes.map((note) => note.text).join()).toContain('can no longer work');
  await incident.close();
});

test('a condition that does not hold leaves the step out and says which', async () => {
  const here = await scene();
  const conditional = suspendStep.replace(
    'why: nothing must change',
    'why: x\n    when: { environment: [staging] }',
  );
  const { incident, runner } = await start(here, head + conditional, absentOperator(undefined));
  await runner.run();
  expect(incident.state.steps[0]?.reason).toBe('only in staging');
  await incident.close();
});

const command = (line: string, more = '') =>
  `${head}  - { id: tool, title: Tool, estimate: 1m, why: w, run: ${line}${more} }\n`;

test('a command runs without a shell, its output is kept, and facts come as variables', async () => {
  const here = await scene();
  const line = `{ command: [node, -e, 'console.log(process.env.TENANT_DR_TENANT_SLUG, process.argv[1])', '{tenant.slug}; echo pwned'], effect: read }`;
  const { incident, runner } = await start(here, command(line), absentOperator(undefined));
  expect((await runner.run()).error).toBeNull();
  expect(incident.state.tasks.tool?.output).toEqual({
    output: `${here.tenant.slug} ${here.tenant.slug}; echo pwned`,
  });
  await incident.close();
});

test.each([
  ['that is not there', '[no-such-program]', 'tool-missing', /no program "no-such-program"/],
  [
    'that fails',
    `{ command: [node, -e, 'console.error("boom"); process.exit(3)'], effect: read }`,
    'tool-failed',
    /exit code 3/,
  ],
  [
    'that hangs',
    `{ command: "sleep 60 | cat", shell: true, timeout: 0.2, effect: read }`,
    'tool-failed',
    /did not end within 0.2 s/,
  ],
])('a command %s fails the step and says so', async (_what, line, code, message) => {
  const here = await scene();
  const { incident, runner } = await start(here, command(line), absentOperator(undefined));
  const result = await runner.run();
  expect([result.outcome, result.error?.code]).toEqual(['failed', code]);
  expect(result.error?.message).toMatch(message);
  expect(incident.state.steps[0]?.state).toBe('failed');
  await incident.close();
});

test('a failed step can be rolled back as its runbook says, and on a copy not by what may reach the live system', async () => {
  const here = await scene();
  const marker = path.join(folderOfTheFile('rollback'), 'undone');
  const failing = command(
    `{ command: ['false'], onCopy: true }`,
    `, rollback: { title: Undo it, run: [touch, ${marker}] }`,
  );
  const operator = () => new ScriptedOperator({ 'tool.proceed': ['go', 'go'], 'tool.failed': 'rollback' });
  const rehearsed = await start(here, failing, operator(), { mode: 'rehearsal' });
  expect((await rehearsed.runner.run()).outcome).toBe('completed');
  expect(existsSync(marker)).toBe(false);
  expect(rehearsed.incident.state.steps[0]?.reason).toContain('"Undo it" was not done: a command may reach');
  await rehearsed.incident.close();
  const { incident, runner } = await start(here, failing, operator());
  expect((await runner.run()).outcome).toBe('completed');
  writeFileSync(marker, '', { flag: 'r+' });
  expect(incident.state.steps[0]?.state).toBe('skipped');
  await incident.close();
});

test('a stopped run goes on where it stood, without doing anything twice', async () => {
  const here = await scene();
  const slug = here.tenant.slug;
  const first = new ScriptedOperator({
    'suspend.proceed': 'go',
    'suspend.confirm': slug,
    'reactivate.confirm': null,
    'reactivate.proceed': ['go', 'leave'],
  });
  const begun = await start(here, head + suspendStep + back, first);
  expect((await begun.runner.run()).outcome).toBe('stopped');
  await begun.incident.close();
  const again = await resume(
    here,
    begun.incident.id,
    new ScriptedOperator({ 'reactivate.proceed': 'go', 'reactivate.confirm': slug }),
  );
  expect((await again.runner.run()).outcome).toBe('completed');
  expect(again.incident.entries.filter((entry) => entry.event === 'tenant.suspended')).toHaveLength(1);
  await again.incident.close();
});

test('aborting while something waits stops at once and leaves the incident resumable', async () => {
  const here = await scene();
  const controller = new AbortController();
  const slow = head + suspendStep.replace('seconds: 0', 'seconds: 600');
  const { incident, runner } = await start(here, slow, absentOperator(here.tenant.slug), {
    signal: controller.signal,
  });
  const running = runner.run();
  const unsubscribe = runner.subscribe(() => {
    if (runner.view().task === 'settle' && runner.view().phase === 'running') controller.abort();
  });
  const result = await running;
  unsubscribe();
  expect([result.outcome, result.error?.code]).toEqual(['stopped', 'interrupted']);
  expect(incident.state.steps[0]?.state).toBe('interrupted');
  expect(incident.state.stopped).toMatchObject({ why: 'signal' });
  await incident.close();
});

test('an incident goes on with the runbook it was started with, whatever became of the file', async () => {
  const here = await scene();
  const slug = here.tenant.slug;
  const first = new ScriptedOperator({
    'suspend.proceed': ['go', 'leave'],
    'suspend.confirm': [null],
  });
  const begun = await start(here, head + suspendStep, first);
  await begun.runner.run();
  await begun.incident.close();
  const copy = begun.incident.path('runbook.yaml');
  writeFileSync(copy, head + back);
  await expect(resume(here, begun.incident.id, first)).rejects.toMatchObject({ code: 'runbook-invalid' });
  writeFileSync(copy, head + suspendStep);
  const again = await resume(
    here,
    begun.incident.id,
    new ScriptedOperator({ 'suspend.proceed': 'go', 'suspend.confirm': slug }),
  );
  expect((await again.runner.run()).outcome).toBe('completed');
  await again.incident.close();
});

test('when the journal cannot be written any more, nothing destructive starts', async () => {
  const here = await scene();
  const operator = new ScriptedOperator({
    'suspend.proceed': 'go',
    'suspend.confirm': here.tenant.slug,
  });
  const { incident, runner } = await start(here, head + suspendStep, operator);
  rmSync(incident.path('journal.jsonl'));
  const result = await runner.run();
  expect([result.outcome, result.error?.code]).toEqual(['failed', 'journal-unwritable']);
  expect(await statusOf(here)).toBe('active');
  await incident.close();
});

test('a process that lost its incident to somebody else stops before it changes anything', async () => {
  const here = await scene();
  const operator = new ScriptedOperator({
    'suspend.proceed': 'go',
    'suspend.confirm': here.tenant.slug,
  });
  const { incident, runner } = await start(here, head + suspendStep, operator);
  const { incident: theirs } = await resumeIncident(here.store, incident.id, { reason: 'alice is gone' });
  const result = await runner.run();
  expect([result.outcome, result.error?.code]).toEqual(['failed', 'fenced-off']);
  expect(await statusOf(here)).toBe('active');
  await theirs.close();
});

const undoing = (more: string, verify: string) => `  - id: restore
    title: Restore
    estimate: 5m
    why: w
    steps:
      - { id: rows, title: Rows, uses: restore, with: { from: BACKUP, mode: exact } }
      - { id: check, title: Check, run: ${verify}, rollback: { title: Take it back, uses: undo${more} } }
`;

test.each([
  ['without a word', ''],
  ['by its placeholder', ', with: { incident: "{incident}" }'],
])('a way back that undoes takes back the incident it stands in, named %s', async (_, more) => {
  const here = await scene();
  const rows = () => shell(here.world.dbPath, 'SELECT count(*), total(id) FROM agents');
  const before = rows();
  const verify = '      - { id: verify, title: Verify, uses: verify }\n      - { id: check';
  const after = '  - { id: back, title: Back, estimate: 1m, why: w, uses: reactivate }\n';
  const text = `${head}${undoing(more, "{ command: ['false'] }")}${after}`
    .replace('BACKUP', here.world.backupPath)
    .replace('      - { id: check', verify);
  const slug = here.tenant.slug;
  const person = new ScriptedOperator({
    'rows.proceed': 'go',
    'rows.confirm': slug,
    'check.proceed': ['go', 'go'],
    'check.failed': 'rollback',
    'check.confirm': slug,
    'back.proceed': 'go',
    'back.failed': 'leave',
  });
  const { incident, runner } = await start(here, text, person);
  // What was verified before is not what is there now.
  const { error } = await runner.run();
  expect([error?.code, error?.message]).toEqual([
    'gate-failed',
    expect.stringContaining('changed again since'),
  ]);
  expect(incident.state.restores.map((one) => one.state)).toEqual(['finished', 'finished']);
  expect(incident.state.tasks.check).toMatchObject({ state: 'skipped' });
  await incident.close();
  expect(rows()).toBe(before);
});

test('a second way back does not take the first one back', async () => {
  const here = await scene();
  const rows = () => shell(here.world.dbPath, 'SELECT count(*), total(id) FROM agents');
  const before = rows();
  const more =
    "      - { id: health, title: Health, run: { command: ['false'] }, rollback: { title: Back, uses: undo } }\n";
  const text = head + undoing('', "{ command: ['false'] }").replace('BACKUP', here.world.backupPath) + more;
  const slug = here.tenant.slug;
  const person = new ScriptedOperator({
    'rows.proceed': 'go',
    'rows.confirm': slug,
    'check.proceed': ['go', 'go'],
    'check.failed': 'rollback',
    'check.confirm': slug,
    'health.proceed': ['go', 'go'],
    'health.failed': ['rollback', 'leave'],
    'health.confirm': slug,
  });
  const { incident, runner } = await start(here, text, person);
  const { error } = await runner.run();
  await incident.close();
  expect(rows()).toBe(before);
  expect(error?.message).toContain('took back');
});

test('a way back that was interrupted is looked into, not the task that had failed', async () => {
  const here = await scene();
  const rows = () => shell(here.world.dbPath, 'SELECT count(*), total(id) FROM agents');
  const before = rows();
  const flag = path.join(folderOfTheFile('way-back'), 'ran');
  const verify = `{ command: ['sh', '-c', 'echo x >> ${flag}; false'], effect: read, afterInterruption: rerun }`;
  const text = head + undoing('', verify).replace('BACKUP', here.world.backupPath);
  const slug = here.tenant.slug;
  const person = new ScriptedOperator({
    'rows.proceed': 'go',
    'rows.confirm': slug,
    'check.proceed': ['go', 'go'],
    'check.failed': 'rollback',
    'check.confirm': slug,
  });
  const begun = await start(here, text, person);
  // Killed once the change is about to begin: as the journal stands then, nobody knows whether it happened.
  const append = begun.incident.append.bind(begun.incident);
  let changes = 0;
  begun.incident.append = async (event) => {
    const entry = await append(event);
    if (event.event === 'restore.intended' && ++changes === 2)
      throw new TenantDrError('journal-unwritable', 'killed');
    return entry;
  };
  await begun.runner.run();
  await begun.incident.close();
  const again = await resume(
    here,
    begun.incident.id,
    new ScriptedOperator({ 'check.proceed': 'go', 'check.confirm': slug }),
  );
  const phases = new Set<string>();
  again.runner.subscribe(() => phases.add(again.runner.view().phase));
  expect(await again.runner.run()).toEqual({ outcome: 'completed', error: null });
  expect(phases).toContain('probing');
  expect(again.incident.state.restores.map((one) => one.state)).toEqual([
    'finished',
    'rolled-back',
    'finished',
  ]);
  await again.incident.close();
  expect(readFileSync(flag, 'utf8')).toBe('x\n');
  expect(rows()).toBe(before);
});
