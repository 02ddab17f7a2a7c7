import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Pty, type PtyOptions } from '../tui/pty.ts';
import { keys } from '../tui/terminal.ts';
import { chatbot } from '../worlds/chatbot.ts';
import type { World } from '../worlds/world.ts';

const folders: string[] = [];
const terminals: Pty[] = [];

async function world(): Promise<World> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'tenant-dr-tui-')));
  folders.push(dir);
  return chatbot(dir, 'deleted', 1);
}

function start(made: World, words: string[], options: Partial<PtyOptions> = {}): Pty {
  const terminal = new Pty([...words, '--as', 'alice'], { cwd: made.dir, ...options });
  terminals.push(terminal);
  return terminal;
}

afterEach(async () => {
  for (const terminal of terminals.splice(0)) {
    terminal.kill('SIGKILL');
    await terminal.ends();
    expect(terminal.tooWide).toEqual([]);
  }
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/**
 * Longer than typed-ahead keys are dropped, counted from when the screen knows it is up: on a busy machine that is
 * some time after its first line could be read here.
 */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 800));

interface JournalLine {
  event: string;
  actor: { name: string };
  what?: string;
  outcome?: string;
  why?: string;
  text?: string;
  task?: string;
}

function journal(made: World): JournalLine[] {
  const folder = join(made.statePath, 'incidents');
  const [incident = ''] = readdirSync(folder);
  return readFileSync(join(folder, incident, 'journal.jsonl'), 'utf8')
    .split('\n')
    .filter((text) => text !== '')
    .flatMap((text) => (text.endsWith('}') ? [JSON.parse(text) as JournalLine] : []));
}

function happened(made: World, event: string): boolean {
  return journal(made).some((entry) => entry.event === event);
}

const runIt = [
  'run',
  'single-tenant-corruption',
  '--tenant',
  'northwind-labs',
  '--damaged-at',
  '2026-11-23T05:52:00Z',
];

async function confirm(terminal: Pty, title: string): Promise<void> {
  await terminal.shows(title);
  await terminal.shows('Type northwind-labs to go on');
  await settle();
  terminal.type('northwind-labs\r');
}

/** A destructive step is introduced, with what it does and why, before its phrase is asked for. */
async function startStep(terminal: Pty, title: string): Promise<void> {
  await terminal.shows(title);
  await terminal.shows('Start: what is at stake comes first');
  await settle();
  terminal.type(keys.enter);
}

/** From the suspension to the backups, and on to the confirmation of the restore, with keys only. */
async function walkToBackup(terminal: Pty): Promise<void> {
  await startStep(terminal, 'Suspend the tenant');
  await confirm(terminal, 'Suspend the tenant');
  await terminal.shows('we are working on it');
  await settle();
  terminal.type(keys.down + keys.enter);
  await terminal.shows('Which backup shall the tenant come back from?');
  await settle();
}

async function walkToRestore(terminal: Pty): Promise<void> {
  await walkToBackup(terminal);
  terminal.type(keys.down + keys.enter);
  await terminal.shows('How shall the rows be put back?');
  await settle();
  terminal.type(keys.down + keys.enter);
  await terminal.shows('This is what the restore would do.');
  await settle();
  terminal.type('a');
}

/** The terminal is the shell's again. */
function expectRestored(terminal: Pty): void {
  expect(terminal.fullScreen).toBe(false);
  expect(terminal.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001b[?25l'));
  expect(terminal.raw.lastIndexOf('\u001b[?2004l')).toBeGreaterThanOrEqual(
    terminal.raw.lastIndexOf('\u001b[?2004h'),
  );
}

/** Told to end by a signal, it does, with the journal written. */
async function endsSafely(terminal: Pty, made: World, signal: string): Promise<void> {
  terminal.kill(signal);
  await terminal.ends();
  const stopped = journal(made).findLast((entry) => entry.event === 'run.stopped');
  expect(stopped).toMatchObject({ why: 'signal' });
  expect(journal(made).at(-1)).toMatchObject({ event: 'lock.released' });
}

describe('an incident on the screen', () => {
  it('is walked from suspension to the report with keys only', async () => {
    const made = await world();
    const terminal = start(made, runIt);
    await walkToRestore(terminal);
    await confirm(terminal, 'Restore the rows');
    await startStep(terminal, 'Reactivate tenant');
    await confirm(terminal, 'Reactivate tenant');
    // The step is announced first; where its draft is there at once, the announcement may be over before it is seen.
    await terminal.shows(/Tell the tenant|Northwind Labs: resolved/);
    await settle();
    if (!terminal.text().includes('Northwind Labs: resolved')) terminal.type(keys.enter);
    await terminal.shows('Data problem: Northwind Labs: resolved');
    await settle();
    terminal.type(keys.down + keys.enter);
    await terminal.shows('Close the incident');
    await settle();
    terminal.type(keys.enter);
    await terminal.shows('Done.');
    await settle();
    terminal.type(keys.enter);
    expect((await terminal.ends()).exit).toBe(0);
    expectRestored(terminal);
    expect(terminal.text()).toContain('Rows of other tenants written: 0');
    const [incident = ''] = readdirSync(join(made.statePath, 'incidents'));
    const folder = join(made.statePath, 'incidents', incident);
    const script = fileURLToPath(new URL('../report-check.py', import.meta.url));
    const checked = spawnSync('python3', [
      script,
      join(folder, 'journal.jsonl'),
      join(folder, 'report.json'),
    ]);
    expect(checked.stdout.toString()).toBe('every number agrees\n');
    expect(journal(made).find((entry) => entry.event === 'closed')).toMatchObject({ outcome: 'completed' });
  });

  it('asks before it is left, keeps what was typed when one stays and when the terminal changes its size, and can be resumed; a terminal that is lost (SIGHUP) ends it at a safe point', async () => {
    const made = await world();
    const first = start(made, runIt);
    await startStep(first, 'Suspend the tenant');
    await first.shows('Type northwind-labs');
    await settle();
    first.type('north');
    await first.shows('› north');
    first.type(keys.ctrlC);
    await first.shows('Leave the incident?');
    await settle();
    first.type(keys.down + keys.enter);
    await first.shows('› north');
    for (const [columns, rows] of [
      [140, 45],
      [80, 24],
      [61, 17],
      [200, 60],
    ] as const) {
      first.resize(columns, rows);
      await first.shows('Type northwind-labs');
    }
    first.resize(40, 10);
    await first.shows('The terminal is too small.');
    first.resize(80, 24);
    await first.shows('› north');
    first.type(keys.ctrlC);
    await first.shows('Leave the incident?');
    await settle();
    first.type(keys.down + keys.down + keys.enter);
    await first.ends();
    expectRestored(first);
    expect(first.text()).toContain('The incident stays open.');

    const second = start(made, ['resume']);
    await second.shows('Start: what is at stake comes first');
    await endsSafely(second, made, 'SIGHUP');
  });

  it('is found again after kill -9, with the step that was running probed and never blindly repeated', async () => {
    const made = await world();
    const first = start(made, runIt);
    await walkToRestore(first);
    await confirm(first, 'Restore the rows');
    await expect.poll(() => happened(made, 'restore.intended'), { timeout: 45_000, interval: 2 }).toBe(true);
    first.kill('SIGKILL');
    await first.ends();

    const second = start(made, []);
    await second.shows('An incident is open');
    second.type(keys.enter);
    await second.shows('3 Restore tenant data');
    const started = journal(made).filter(
      (entry) => entry.event === 'task.started' && entry.task === 'restore-rows',
    );
    const intended = journal(made).filter((entry) => entry.event === 'restore.intended');
    expect(started.length).toBe(1);
    expect(intended.length).toBe(1);
    // Whatever the moment was, what became of the change is found out before anything else happens.
    const known = () => happened(made, 'restore.finished') || happened(made, 'restore.rolled-back');
    await expect.poll(known, { timeout: 45_000 }).toBe(true);
  });

  it('lets the words of a message be changed, on the screen and in the editor of whoever sits there, takes notes, and hands over, which releases it with the situation written down', async () => {
    const made = await world();
    const editor = join(made.dir, 'editor.sh');
    const adding =
      '{ head -n 2 "$1"; echo "We are sorry."; tail -n +3 "$1"; } > "$1.new" && mv "$1.new" "$1"';
    writeFileSync(editor, `#!/bin/sh\n${adding}\n`, { mode: 0o700 });
    const terminal = start(made, runIt, { env: { VISUAL: editor } });
    await startStep(terminal, 'Suspend the tenant');
    await confirm(terminal, 'Suspend the tenant');
    await terminal.shows('we are working on it');
    await settle();
    terminal.type(keys.down + keys.down + keys.enter);
    await terminal.shows('The message to');
    await settle();
    terminal.type('\u001b[F!');
    await terminal.shows('working on it!');
    terminal.type('\u000f');
    await terminal.shows('We are sorry.');
    expect(terminal.fullScreen).toBe(true);
    terminal.type('\u0013');
    await terminal.shows('choose with the arrows');
    await settle();
    terminal.type(keys.down + keys.enter);
    await terminal.shows('Which backup shall');
    expect(journal(made).find((entry) => entry.event === 'message.drafted')).toMatchObject({ edited: true });
    const [incident = ''] = readdirSync(join(made.statePath, 'incidents'));
    const folder = join(made.statePath, 'incidents', incident, 'messages');
    const text = readFileSync(join(folder, 'first-notice-tenant-1.txt'), 'utf8');
    expect(text).toContain('we are working on it!\n');
    expect(text).toContain('We are sorry.\n');
    await settle();
    terminal.type('n');
    await terminal.shows('A note for the journal');
    await settle();
    terminal.type(`the customer called\r`);
    await terminal.shows('Which backup shall');
    await settle();
    terminal.type('h');
    await terminal.shows('Hand over');
    await settle();
    terminal.type('backup of 05:25 looks right\r');
    expect((await terminal.ends()).exit).toBe(0);
    expectRestored(terminal);
    expect(terminal.text()).toContain('Handed over.');
    expect(journal(made).find((entry) => entry.event === 'note')).toMatchObject({
      text: 'the customer called',
    });
    expect(journal(made).some((entry) => entry.event === 'handed-over')).toBe(true);

    const second = start(made, ['resume']);
    await second.shows('Read this first');
    await second.shows('backup of 05:25 looks right');
    await settle();
    second.type(keys.enter);
    await second.shows('Which backup shall');
  });

  it('says first that another incident of the same tenant is open, in 80 columns', async () => {
    const made = await world();
    const terminal = start(made, [...runIt, '--auto', '--json']);
    expect((await terminal.ends()).exit).toBe(3);
    const [other = ''] = readdirSync(join(made.statePath, 'incidents'));
    const second = start(made, runIt);
    await second.shows('Read this first');
    await second.shows(`${other} about this tenant is open too`);
    await settle();
    second.type(keys.enter);
    await second.shows('Start: what is at stake comes first');
    second.type('t');
    await second.shows(`${other} about this tenant is open too`);
  });

  it('keeps a note that cannot be written in its field, and says why', async () => {
    const made = await world();
    const terminal = start(made, runIt);
    await terminal.shows('Start: what is at stake comes first');
    await settle();
    const folder = join(made.statePath, 'incidents');
    const [incident = ''] = readdirSync(folder);
    rmSync(join(folder, incident, 'journal.jsonl'));
    terminal.type('n');
    await terminal.shows('A note for the journal');
    await settle();
    terminal.type('the disk is full\r');
    await terminal.shows('It is not written: The journal cannot be written');
    expect(terminal.text()).toContain('› the disk is full');
    expect(terminal.fullScreen).toBe(true);
  });

  it('notices by itself that somebody took over, whatever is open on the screen, and writes nothing more', async () => {
    const made = await world();
    const terminal = start(made, runIt);
    await terminal.shows('Start: what is at stake comes first');
    await settle();
    terminal.type('n');
    await terminal.shows('A note for the journal');
    const second = new Pty(['resume', '--take-over', '--reason', 'alice sleeps', '--as', 'bob'], {
      cwd: made.dir,
    });
    terminals.push(second);
    await second.shows('Start: what is at stake comes first');
    await terminal.shows('Somebody else goes on with this incident.');
    expect(terminal.text()).toMatch(/bob on \S+ has taken over this incident/);
    await terminal.shows('tenant-dr watch INC-');
    await settle();
    terminal.type('q');
    expect((await terminal.ends()).exit).toBe(3);
    expectRestored(terminal);
    const lines = journal(made);
    const since = lines.slice(lines.findIndex(({ event }) => event === 'taken-over'));
    expect(since.map(({ actor }) => actor.name)).toEqual(since.map(() => 'bob'));
    const [incident = ''] = readdirSync(join(made.statePath, 'incidents'));
    expect(readdirSync(join(made.statePath, 'incidents', incident))).not.toContain('report.md');
  });

  it('is tried out as a dry run from home, which shows what would happen and leads back home', async () => {
    const made = await world();
    const terminal = start(made, []);
    await terminal.shows('start   Single tenant data corruption');
    await settle();
    terminal.type(keys.enter);
    await terminal.shows('Whose data is damaged?');
    terminal.type('northwind-labs');
    await terminal.shows('1 of 40');
    terminal.type(keys.enter);
    await terminal.shows('seen when');
    await settle();
    terminal.type(keys.down + keys.down + keys.down + keys.enter);
    await terminal.shows('When was the damage done?');
    await settle();
    terminal.type('2026-11-23T05:52:00Z\r');
    await terminal.shows('Which backup shall');
    await settle();
    terminal.type(keys.down + keys.enter);
    await terminal.shows('How shall the rows be put back?');
    await settle();
    terminal.type(keys.down + keys.enter);
    await terminal.shows('What would happen');
    terminal.resize(80, 60);
    await terminal.shows('3 Restore the rows:');
    await terminal.shows('How long it took');
    expect(happened(made, 'restore.intended')).toBe(false);
    await settle();
    terminal.type(keys.enter);
    await terminal.shows('No incident is open.');
    terminal.type('q');
    expect((await terminal.ends()).exit).toBe(0);
    expect(terminal.text()).toContain('A dry run: nothing was changed.');
  });

  it('is watched live by somebody else, who can change nothing, and ends at a safe point at SIGTERM', async () => {
    const made = await world();
    const first = start(made, runIt);
    await first.shows('Start: what is at stake comes first');
    const second = start(made, ['watch']);
    await second.shows('Looking on');
    await walkToBackup(first);
    await second.shows('✓ 1 Isolate tenant');
    second.type('\t');
    await second.shows('To read aloud');
    second.type('q');
    expect((await second.ends()).exit).toBe(0);
    expectRestored(second);
    await endsSafely(first, made, 'SIGTERM');
  });
});

describe('the screen', () => {
  it('draws without colour, and without anything but ASCII, where that is asked for', async () => {
    const made = await world();
    const terminal = start(made, [], { env: { NO_COLOR: '1', TENANT_DR_ASCII: '1' } });
    await terminal.shows('Tenants - 40');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour is told by control sequences
    expect(terminal.raw).not.toMatch(/\u001b\[(3|4|9|10)\dm/);
    expect(terminal.text()).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it('speaks in sentences to a screen reader, on the normal screen', async () => {
    const made = await world();
    const terminal = start(made, runIt, { env: { TENANT_DR_SCREEN_READER: '1' } });
    await terminal.shows('Mode LIVE, database admin, demo.');
    expect(terminal.fullScreen).toBe(false);
    expect(terminal.text()).not.toMatch(/[▓░─]/);
  });

  it('needs a terminal, and names the command that needs none', async () => {
    const made = await world();
    const terminal = start(made, ['--json']);
    expect((await terminal.ends()).exit).toBe(2);
    expect(terminal.text()).toContain('no-terminal');
    const dumb = start(made, [], { env: { TERM: 'dumb' } });
    expect((await dumb.ends()).exit).toBe(2);
    expect(dumb.text().replaceAll('\n', '')).toContain('tenant-dr run <runbook> --auto');
  });
});
