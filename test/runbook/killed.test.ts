import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { absentOperator } from '../../src/runbook/headless.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { main } from '../built.ts';
import { nasty } from '../worlds/nasty.ts';
import { resume, type Scene, sceneOf, statusOf } from './scene.ts';

const checker = new URL('../check/check.py', import.meta.url).pathname;

const runbook = `id: recovery
title: Recovery
symptoms: [something]
impact: [one tenant]
steps:
  - id: isolate
    title: Isolate
    estimate: 5m
    why: w
    steps:
      - { id: suspend, title: Suspend, uses: suspend }
      - { id: settle, title: Settle, uses: settle, with: { seconds: 1 } }
  - id: choose-backup
    title: Choose
    estimate: 1m
    why: w
    uses: choose-backup
  - id: restore
    title: Restore
    estimate: 30m
    why: w
    steps:
      - { id: restore-rows, title: Restore, uses: restore }
      - { id: verify, title: Verify, uses: verify }
  - { id: reactivate, title: Reactivate, estimate: 5m, why: w, uses: reactivate, confirm: typed, gate: [verify] }
  - id: communicate
    title: Communicate
    estimate: 15m
    why: w
    steps:
      - { id: messages, title: Messages, uses: messages }
      - { id: close, title: Close, uses: close }
`;

type Moment = (event: Record<string, unknown>) => boolean;

/** Runs the program on its own and kills it as soon as the journal holds this. Resolves with the incident. */
async function killedAt(here: Scene, words: string[], wanted: Moment): Promise<string> {
  const { configPath, statePath, dir } = here.world;
  const given = [...words, '--auto', '--confirm', here.world.victim, '--json'];
  const child = spawn(process.execPath, [main, ...given, '--config', configPath, '--state', statePath], {
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let incident = '';
  for await (const line of createInterface({ input: child.stderr })) {
    if (!line.startsWith('{')) continue;
    const event = JSON.parse(line) as Record<string, unknown>;
    if (event.event === 'incident') incident = String(event.incident);
    if (wanted(event)) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  expect(signal).toBe('SIGKILL');
  return incident;
}

const moments: [string, Moment][] = [
  ['suspending', (event) => event.event === 'task.started' && event.task === 'suspend'],
  ['the tenant was suspended', (event) => event.event === 'tenant.suspended'],
  ['waiting for stillness', (event) => event.event === 'task.started' && event.task === 'settle'],
  ['the first step had ended', (event) => event.event === 'step.finished' && event.step === 'isolate'],
  ['choosing the backup', (event) => event.event === 'task.started' && event.task === 'choose-backup'],
  ['the restore had started', (event) => event.event === 'task.started' && event.task === 'restore-rows'],
  ['the change was about to begin', (event) => event.event === 'restore.intended'],
  ['the change was committed', (event) => event.event === 'restore.finished'],
  ['verifying', (event) => event.event === 'task.started' && event.task === 'verify'],
  ['reactivating', (event) => event.event === 'task.started' && event.task === 'reactivate'],
  ['the tenant was reactivated', (event) => event.event === 'tenant.reactivated'],
  ['a message was written', (event) => event.event === 'message.written'],
  ['closing', (event) => event.event === 'task.started' && event.task === 'close'],
];

const every = (from: number) => moments.filter((_, index) => index % 3 === from);

test.each([
  ['first', every(0)],
  ['second', every(1)],
  ['third', every(2)],
])(
  'killed again and again, the %s third of the moments, the run is resumed and ends right',
  async (_, chosen) => {
    const here = await sceneOf(nasty(folderOfTheFile('killed')));
    const { dbPath, dir, factsPath, backupPath, victim } = here.world;
    const before = path.join(dir, 'before.db');
    execFileSync('sqlite3', [dbPath, `.backup ${before}`]);
    const file = path.join(dir, 'recovery.yaml');
    writeFileSync(file, runbook);
    let id = '';
    for (const [, wanted] of chosen) {
      const words = id ? ['resume', id] : ['run', file, '--tenant', victim, '--from', backupPath];
      id = await killedAt(here, words, wanted);
    }
    const { incident, runner } = await resume(here, id, absentOperator(victim));
    expect(await runner.run()).toEqual({ outcome: 'completed', error: null });
    expect(await statusOf(here)).toBe('active');
    const count = (name: string) => incident.entries.filter((entry) => entry.event === name).length;
    expect([count('tenant.suspended'), count('restore.finished'), count('closed')]).toEqual([1, 1, 1]);
    expect(incident.state.usable).not.toBeNull();
    await incident.close();
    const after = path.join(dir, 'after.db');
    execFileSync('sqlite3', [dbPath, 'PRAGMA wal_checkpoint(TRUNCATE)']);
    copyFileSync(dbPath, after);
    const facts = ['--facts', factsPath, '--before', before, '--after', after, '--backup', backupPath];
    execFileSync('python3', ['-S', checker, ...facts, '--tenant', victim]);
  },
);
