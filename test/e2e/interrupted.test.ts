import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../built.ts';
import { nasty } from '../worlds/nasty.ts';
import type { World } from '../worlds/world.ts';
import {
  cleanUp,
  type Document,
  folder,
  problems,
  restore,
  snapshot,
  startRestore,
  tenantDr,
  unchanged,
} from './program.ts';

afterAll(cleanUp);

/** Runs a restore and kills it after `milliseconds`, unless it was faster. */
async function killedAfter(world: World, milliseconds: number): Promise<void> {
  const child = startRestore(world);
  const ended = once(child, 'close');
  await Promise.race([sleep(milliseconds), ended]);
  child.kill('SIGKILL');
  await ended;
}

describe('a restore killed with kill -9', () => {
  let whole = 0;
  beforeAll(async () => {
    const world = nasty(folder());
    const before = snapshot(world);
    const began = performance.now();
    await killedAfter(world, 60_000);
    whole = performance.now() - began;
    expect(problems(world, before)).toEqual([]);
  });

  it.each([
    [0.6, 'wal'],
    [0.8, 'delete'],
    [0.92, 'wal'],
  ] as const)(
    'leaves rows as before or as planned and can be picked up, after %d of its time, %s mode',
    async (share, journal) => {
      const world = nasty(folder(), { journal });
      const before = snapshot(world);
      await killedAfter(world, whole * share);
      const happened = problems(world, before).length === 0;
      if (!happened) expect(unchanged(world, before)).toEqual([]);

      // Nothing new starts for this tenant before somebody knows what happened; 2: nothing was left to find out.
      const resumed = await tenantDr(world, 'resume');
      expect(happened ? [0, 2] : [2, 3], resumed.stderr).toContain(resumed.exit);
      expect((await restore(world)).exit).toBe(0);
      expect(problems(world, before)).toEqual([]);
    },
  );
});

describe('a restore that is told to stop again and again', () => {
  it.each([
    ['SIGINT', '"phase":"stage"'],
    ['SIGTERM', '"event":"incident"'],
    ['SIGHUP', '"phase":"applying"'],
    ['SIGINT', 'rows of other tenants written'],
  ] as const)('by %s from %s on says truly what it did', async (signal, from) => {
    const world = nasty(folder());
    const before = snapshot(world);
    const words = [
      'restore',
      'alfa',
      '--from',
      world.backupPath,
      '--confirm',
      'alfa',
      '--config',
      world.configPath,
    ];
    const child = spawn(process.execPath, [main, ...words, '--as', 'tester', '--json']);
    const said = { out: '', err: '' };
    let storm: NodeJS.Timeout | undefined;
    child.stdout.on('data', (chunk) => {
      said.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      said.err += chunk;
      if (said.err.includes(from)) storm ??= setInterval(() => child.kill(signal), 5);
    });
    const [exit] = await once(child, 'close');
    clearInterval(storm);
    expect(storm).toBeDefined();
    expect([0, 130], said.err).toContain(exit);
    const document = JSON.parse(said.out) as Document;
    expect(document.ok).toBe(exit === 0);
    if (exit === 0) expect(problems(world, before)).toEqual([]);
    else {
      expect(document.error).toMatchObject({ code: 'interrupted', changed: false });
      expect(unchanged(world, before)).toEqual([]);
    }
    await tenantDr(world, 'resume');
    expect((await restore(world)).exit).toBe(0);
    expect(problems(world, before)).toEqual([]);
  });
});

describe('an application that goes on writing for other tenants', () => {
  it.each(['wal', 'delete'] as const)('loses none of its commits in %s mode', async (journal) => {
    const world = nasty(folder(), { journal });
    const before = snapshot(world);
    const file = fileURLToPath(new URL('writer.mjs', import.meta.url));
    const writer = spawn(process.execPath, [file, world.dbPath, '10'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let said = '';
    writer.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await once(writer.stdout, 'data');

    const child = startRestore(world);
    const [exit] = await once(child, 'close');
    writer.stdin.end();
    await once(writer, 'close');

    expect(exit).toBe(0);
    const committed = said.trim().split('\n').length;
    const sql = "SELECT count(*) FROM memos WHERE tenant_id = 10 AND body LIKE 'WRITER %'";
    expect(Number(execFileSync('sqlite3', [world.dbPath, sql]))).toBe(committed);
    // Only the writer's own rows, and the counters they raised, differ for anybody else.
    expect(
      problems(world, before).filter((text) => !text.startsWith("memos: rows that are not alfa's")),
    ).toEqual([]);
  });
});
