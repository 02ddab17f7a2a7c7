import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const report = process.env.TENANT_DR_TEST_REPORT;

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.{ts,tsx}'],
    globalSetup: 'test/programs.ts',
    setupFiles: 'test/each-file.ts',
    exclude: ['**/node_modules/**', 'test/bench/**'],
    // Real databases, real processes, real terminals: slow machines get time, nothing asserts on it.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    pool: 'forks',
    // A process for each file would read the program and warm up again each time: a second of computing a file.
    isolate: false,
    // Much of the time is waiting for disks, processes and terminals, so two files a core pay.
    maxWorkers: 4,
    // .ci/run counts from this file.
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
