// Preloaded into the measured program: writes the longest standstill of its event loop when it ends.
// Loading the program's own modules (the first quarter of a second) is not counted: nothing is shown yet.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const file = process.env.GAP_FILE;
if (isMainThread && file) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  setTimeout(() => delay.enable(), 250).unref();
  process.on('exit', () => writeFileSync(file, String(delay.max > 0 ? delay.max / 1e6 : 0)));
}
