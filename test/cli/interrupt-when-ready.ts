/** Loaded into a tenant-dr process: sends it a signal as soon as it listens for one. */
import { isMainThread } from 'node:worker_threads';

const signal = process.env.TEST_SIGNAL as NodeJS.Signals;

if (isMainThread) {
  process.on('newListener', (event) => {
    if (event === 'SIGHUP') setImmediate(() => process.kill(process.pid, signal));
  });
}
