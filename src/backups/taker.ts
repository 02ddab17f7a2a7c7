import { rm } from 'node:fs/promises';
import { type JobContext, serveJob } from '../databases/job-child.ts';
import { type Pin, takeSnapshot } from '../databases/sqlite/snapshot.ts';
import type { Pinned } from '../databases/sqlite/turn.ts';
import { FrameFile } from './frame-file.ts';
import { ImageFile } from './image-file.ts';
import type { TakenFile, TakeRequest } from './take-jobs.ts';

/** The child process that reads a live database past SQLite; it never opens a connection. */
serveJob<TakeRequest>(async (request, context): Promise<TakenFile> => {
  const { target, copy } = request;
  try {
    return await take(request, context);
  } catch (error) {
    const made = [target, copy, logOf(request)];
    for (const leftover of made) if (leftover) await rm(leftover, { force: true });
    throw error;
  }
});

async function take(request: TakeRequest, { ask, signal, progress }: JobContext): Promise<TakenFile> {
  const frames = request.target ? await FrameFile.create(request.target, request.compression) : null;
  const image = request.copy ? await ImageFile.create(request.copy) : null;
  const pin: Pin = {
    begin: async () => JSON.parse(await ask('begin')) as Pinned,
    end: async () => {
      await ask('end');
    },
  };
  try {
    const outputs = { sink: frames, copy: image, log: logOf(request) };
    const taken = await takeSnapshot(request.path, outputs, pin, {
      signal,
      progress: (done, total) => progress({ phase: 'copy', done, total, unit: 'bytes' }),
    });
    await image?.finish(taken.bytes);
    const file = (await frames?.finish()) ?? { bytes: 0, sha256: '' };
    return { ...file, databaseBytes: taken.bytes, mode: taken.mode, blockedSeconds: taken.blockedSeconds };
  } catch (error) {
    await Promise.allSettled([frames?.abandon(), image?.abandon()]);
    throw error;
  }
}

function logOf({ target, copy }: TakeRequest): string {
  return `${target ?? copy}.wal`;
}
