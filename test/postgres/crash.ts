import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ran, tenantDrProcess } from '../cli/run.ts';
import { contents } from './cluster.ts';
import type { Place } from './place.ts';
import { shopTables } from './shop.ts';
import { startThrowaway, type Throwaway } from './throwaway.ts';

/** How a server can end: as `pg_ctl stop -m immediate` does it, or by kill -9 of its first process. */
export type End = 'immediate' | 'kill -9';

/** What was found after a restore whose server was ended, and what went wrong; nothing should have. */
export interface Aftermath {
  exit: number | null;
  found: 'old' | 'planned' | 'neither';
  complaints: string[];
}

/**
 * Restores tenant two, ends the server `milliseconds` after `word` was first heard, starts it again and judges: the
 * database is exactly as before or exactly as planned, `resume` knows which, and the restore can be done afterwards.
 */
export async function crashDuring(
  server: Throwaway,
  place: Place & { before: Record<string, string> },
  moment: { word: string; milliseconds: number; end: End },
): Promise<Aftermath> {
  const { cwd, live, run, before } = place;
  const wrong = await contents(live, shopTables);
  let ending: Promise<void> | null = null;
  const restore = ['restore', 'two', '--from', 'latest', '--confirm', 'two'];
  const ran = await tenantDrProcess([...restore, '--json', '--as', 'tester'], {
    cwd,
    onStart: (child) =>
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.includes(moment.word)) ending ??= endServer(server, moment);
      }),
  });
  await ending;
  await startAgain(server);
  const now = JSON.stringify(await contents(live, shopTables));
  const found =
    now === JSON.stringify(before) ? 'planned' : now === JSON.stringify(wrong) ? 'old' : ('neither' as const);
  const complaints: string[] = [];
  const expect = (holds: boolean, what: string): void => {
    if (!holds) complaints.push(what);
  };
  expect(found !== 'neither', 'the rows are neither the old nor the planned ones');
  expect(ran.exit !== 0 || found === 'planned', 'it said it was done, and was not');
  expect([0, 4, 7].includes(ran.exit ?? -1), `it ended with ${ran.exit}: ${ran.stderr.slice(-300)}`);
  expect(
    ran.exit !== 4 || found === 'old',
    `exit 4 says that nothing was changed: ${ran.stderr.slice(-600)}`,
  );
  if (ran.exit !== 0) await judgeResume(run, found, expect);
  const again = await run(...restore);
  expect(again.exit === 0, `the restore afterwards ended with ${again.exit}: ${again.stderr.slice(-300)}`);
  expect(JSON.stringify(await contents(live, shopTables)) === JSON.stringify(before), 'it did not finish it');
  return { exit: ran.exit, found, complaints };
}

async function judgeResume(
  run: Place['run'],
  found: Aftermath['found'],
  expect: (holds: boolean, what: string) => void,
): Promise<void> {
  const resumed: Ran = await run('resume');
  // Nothing to resume: it is known already that nothing happened.
  if (resumed.exit === 2) return expect(found === 'old', 'nothing was left to find out, and yet it happened');
  expect(
    [0, 3].includes(resumed.exit ?? -1),
    `resume ended with ${resumed.exit}: ${resumed.stderr.slice(-300)}`,
  );
  const [change] = resumed.document.changes ?? [];
  const known = change ? change.happened : false;
  expect(
    known === (found === 'planned'),
    `resume says ${known}, the rows are ${found}: ${resumed.stdout.slice(-600)} ${resumed.stderr.slice(-600)}`,
  );
}

async function endServer(
  server: Throwaway,
  { milliseconds, end }: { milliseconds: number; end: End },
): Promise<void> {
  await sleep(milliseconds);
  if (end === 'immediate') return server.kill();
  const [pid] = readFileSync(join(server.folder, 'data', 'postmaster.pid'), 'utf8').split('\n');
  process.kill(Number(pid), 'SIGKILL');
  await server.stop();
}

/** At the same address. Processes that outlive their parent keep the data folder until they notice. */
async function startAgain(server: Throwaway): Promise<void> {
  const { folder, binaries, port } = server;
  for (let attempt = 1; ; attempt++) {
    try {
      Object.assign(server, await startThrowaway(folder, { binaries, port }));
      return;
    } catch (error) {
      if (attempt === 40) throw error;
      await sleep(250);
    }
  }
}
