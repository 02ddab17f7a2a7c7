import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { slugsOf } from './generate.ts';
import { median, type Run } from './measure.ts';
import { idOf, type Stage } from './stage.ts';
import type { Line } from './table.ts';

/** Highest memory and longest standstill of all runs of the built program. */
export interface Peaks {
  memory: number;
  gap: number;
}

type Section = (stage: Stage, peaks: Peaks, repeats: number) => Promise<Line[]>;

const note = (peaks: Peaks, run: Run): Run => {
  peaks.memory = Math.max(peaks.memory, run.memory);
  peaks.gap = Math.max(peaks.gap, run.gap ?? 0);
  return run;
};

async function often(count: number, work: () => Promise<Run>): Promise<Run> {
  const runs: Run[] = [];
  for (let n = 0; n < count; n++) runs.push(await work());
  return median(runs);
}

/** Backups against `.backup` then `gzip`, and against `zstd` over the file. Leaves a backup of ours behind. */
export const backups: Section = async (stage, peaks) => {
  stage.fresh();
  for (const name of readdirSync(join(stage.home, 'backups'))) {
    if (name.includes('.db.zst')) rmSync(join(stage.home, 'backups', name));
  }
  const size = (path: string) => statSync(path).size;
  const bare = await stage.shell('zstd -3 -T2 -q -f live.db -o zstd.tmp', true);
  const bareBytes = size(join(stage.home, 'zstd.tmp'));
  const gzip = await stage.shell('sqlite3 live.db ".backup \'copy.tmp\'" && gzip -f copy.tmp', true);
  const gzipBytes = size(join(stage.home, 'copy.tmp.gz'));
  const without = note(peaks, await stage.ours(['backup', '--no-digests'], { cold: true }));
  rmSync(stage.ownBackup());
  const busy = await withWriter(stage, async () =>
    note(peaks, await stage.ours(['backup'], { cold: false })),
  );
  rmSync(stage.ownBackup());
  stage.fresh();
  const full = note(peaks, await stage.ours(['backup'], { cold: true }));
  const bytes = size(stage.ownBackup());
  for (const name of ['zstd.tmp', 'copy.tmp.gz']) rmSync(join(stage.home, name));
  return [
    line(
      'backup without digests',
      true,
      without,
      '.backup, gzip',
      gzip,
      { least: 8 },
      { bytes, baselineBytes: gzipBytes },
    ),
    line('backup with digests', true, full, '.backup, gzip', gzip, null, { bytes, baselineBytes: gzipBytes }),
    {
      ...line(
        'backup: size of the file',
        true,
        full,
        '.backup, gzip',
        gzip,
        { most: 1 },
        { bytes, baselineBytes: gzipBytes },
      ),
      ratio: bytes / gzipBytes,
    },
    line(
      'backup without digests',
      true,
      without,
      'zstd -3 -T2',
      bare,
      { most: 1.3 },
      { bytes, baselineBytes: bareBytes },
    ),
    line('backup with digests', true, full, 'without digests', without, { most: 2 }),
    {
      what: 'backup: longest commit of a writer',
      cold: false,
      seconds: busy.longestSeconds,
      ratio: busy.longestSeconds,
      limit: { most: 1 },
      note: `${busy.commits} commits meanwhile`,
    },
  ];
};

/** One typical tenant, from gzip, from our own backup, and again while the decompressed copy is there. */
export const typical: Section = async (stage, peaks, repeats) => {
  const slug = slugsOf(stage.scale).m[0] as string;
  stage.fresh();
  await stage.ours(['backup', 'verify', stage.gzip]);
  if (!stage.hasOwnBackup()) await stage.ours(['backup']);
  // Both files are known to be sound: the first use of an unknown one may add an integrity check.
  await stage.ours(['backup', 'verify', stage.ownBackup()]);
  const one = (from: string, cold: boolean) => async () => {
    stage.damage([slug]);
    if (cold) stage.emptyCache();
    return note(peaks, await stage.restore([slug], from, cold));
  };
  const floor = await often(repeats, async () => {
    stage.damage([slug]);
    return stage.baseline('floor.mjs', [stage.live, stage.gzip, idOf(slug)], true);
  });
  const document = await stage.baseline('document.sh', [stage.live, stage.gzip, idOf(slug)], true);
  stage.fresh();
  const gzip = await often(repeats, one(stage.gzip, true));
  const own = await often(repeats, one(stage.ownBackup(), true));
  await one(stage.gzip, true)();
  const warm = await often(repeats, one(stage.gzip, false));
  return [
    line('typical tenant from .db.gz', true, gzip, 'bare floor', floor, { most: 1.3 }),
    line('typical tenant from .db.gz', true, gzip, 'the document', document, { least: 22 }),
    line('typical tenant from our .db.zst', true, own, 'from .db.gz', gzip, { most: 0.6 }),
    line('typical tenant, decompressed before', false, warm, 'from .db.gz', gzip, { most: 0.1 }),
    { what: 'typical tenant: write lock', cold: true, seconds: writeLock(gzip) },
  ];
};

/** The large tenant, lightly damaged: how long others wait, how much is written. */
export const large: Section = async (stage, peaks) => {
  const { l } = slugsOf(stage.scale);
  stage.fresh();
  stage.damage([l]);
  const reload = await stage.baseline('delete-and-reload.mjs', [stage.live, stage.plain, idOf(l)], false);
  const { writeLock: lock, walBytes } = JSON.parse(reload.stdout) as { writeLock: number; walBytes: number };
  stage.fresh();
  stage.damage([l]);
  const { run, wal } = await withIdleReader(stage, async () =>
    note(peaks, await stage.restore([l], stage.gzip, false)),
  );
  const ours = writeLock(run);
  return [
    {
      what: 'large tenant: write lock',
      cold: false,
      seconds: ours,
      against: { name: 'delete, reload', seconds: lock },
      ratio: ours / lock,
      limit: { most: 0.4 },
    },
    {
      what: 'large tenant: write-ahead log',
      cold: false,
      seconds: run.seconds,
      bytes: wal,
      against: { name: 'delete, reload', seconds: reload.seconds, bytes: walBytes },
      ratio: wal / walBytes,
      limit: { most: 0.1 },
    },
  ];
};

/** A hundred tenants in one call, against a hundred calls (some of them measured). */
export const many: Section = async (stage, peaks) => {
  const slugs = slugsOf(stage.scale).s.slice(0, 100);
  const sample = slugs.slice(0, 5);
  stage.fresh();
  const calls = async (cold: boolean) => {
    stage.damage(sample);
    let seconds = 0;
    for (const slug of sample) {
      if (cold) stage.emptyCache();
      seconds += (await stage.restore([slug], stage.gzip, cold)).seconds;
    }
    return { seconds: (seconds / sample.length) * slugs.length, memory: 0, gap: 0, stdout: '' };
  };
  const cold = await calls(true);
  const warm = await calls(false);
  stage.damage(slugs);
  stage.emptyCache();
  const together = note(peaks, await stage.restore(slugs, stage.gzip, true));
  stage.damage(slugs);
  const again = note(peaks, await stage.restore(slugs, stage.gzip, false));
  const measured = `${sample.length} of 100 calls measured`;
  return [
    {
      ...line('100 tenants in one call', true, together, '100 cold calls', cold, { least: 20 }),
      note: measured,
    },
    {
      ...line('100 tenants in one call', false, again, '100 warm calls', warm, { least: 1.5 }),
      note: measured,
    },
  ];
};

function line(
  what: string,
  cold: boolean,
  run: Run,
  name: string,
  against: Run,
  limit: NonNullable<Line['limit']> | null,
  size: { bytes?: number; baselineBytes?: number } = {},
): Line {
  const ratio = limit?.most !== undefined ? run.seconds / against.seconds : against.seconds / run.seconds;
  return {
    what,
    cold,
    seconds: run.seconds,
    bytes: size.bytes,
    against: { name, seconds: against.seconds, bytes: size.baselineBytes },
    ratio,
    ...(limit ? { limit } : {}),
  };
}

function writeLock(run: Run): number {
  return (JSON.parse(run.stdout) as { seconds: { writeLock: number } }).seconds.writeLock;
}

async function withWriter(
  stage: Stage,
  work: () => Promise<unknown>,
): Promise<{ longestSeconds: number; commits: number }> {
  const file = fileURLToPath(new URL('writer.mjs', import.meta.url));
  const writer = spawn(process.execPath, [file, stage.live, '5'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(writer.stdout, 'data');
  await work();
  writer.stdin.end();
  const [said] = await once(writer.stdout, 'data');
  await once(writer, 'close');
  return JSON.parse(String(said));
}

/** Keeps the database open elsewhere, as an application does, so that the log stays to be measured. */
async function withIdleReader(stage: Stage, work: () => Promise<Run>): Promise<{ run: Run; wal: number }> {
  const code =
    'import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute("select 1 from plans").fetchall(); print("open", flush=True); sys.stdin.read()';
  const reader = spawn('python3', ['-c', code, stage.live], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(reader.stdout, 'data');
  const run = await work();
  const wal = statSync(`${stage.live}-wal`).size;
  reader.stdin.end();
  await once(reader, 'close');
  return { run, wal };
}
