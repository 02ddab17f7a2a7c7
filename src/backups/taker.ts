import { rm } from 'node:fs/promises';
import { serveJob } from '../databases/job-child.ts';
import { takeSnapshot } from '../databases/sqlite/snapshot.ts';
import { FrameFile } from './frame-file.ts';
import type { TakenFile, TakeRequest } from './take-jobs.ts';

/** The child process that reads a live database past SQLite and compresses it; it never opens a connection. */
serveJob<TakeRequest>(
  async ({ path, target, compression }, { ask, signal, progress }): Promise<TakenFile> => {
    const file = await FrameFile.create(target, compression);
    let finished = false;
    try {
      const pin = {
        begin: async () => ((await ask('begin')) === 'wal' ? ('wal' as const) : ('rollback' as const)),
        end: async () => {
          await ask('end');
        },
      };
      const taken = await takeSnapshot(path, `${target}.wal`, pin, file, {
        signal,
        progress: (done, total) => progress({ phase: 'compress', done, total, unit: 'bytes' }),
      });
      const { bytes, sha256 } = await file.finish(taken.chunks);
      finished = true;
      return {
        bytes,
        sha256,
        databaseBytes: taken.bytes,
        mode: taken.mode,
        blockedSeconds: taken.blockedSeconds,
      };
    } finally {
      if (!finished) {
        await file.abandon().catch(() => undefined);
        for (const leftover of [target, `${target}.wal`, `${target}.ordered`])
          await rm(leftover, { force: true });
      }
    }
  },
);
