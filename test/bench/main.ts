import { mkdirSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { scales } from './generate.ts';
import { backups, large, many, type Peaks, typical } from './lines.ts';
import { Stage } from './stage.ts';
import { type Line, printTable, verdict } from './table.ts';

/**
 * `npm run bench -- [--small] [--only backups,typical,large,many] [--repeats 3] [--dir folder]`
 * Prints ratios from one run, on this machine, of the built program. Needs sqlite3, gzip, zstd and python3.
 */
const sections = { backups, typical, large, many };
const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(sections).join(',') },
    repeats: { type: 'string', default: '3' },
    dir: { type: 'string', default: join(tmpdir(), 'tenant-dr-bench') },
  },
});
const scale = values.small ? scales.small : scales.full;
mkdirSync(values.dir, { recursive: true });
console.error(
  `${scale.tenants} tenants in ${values.dir}; ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
);
const stage = new Stage(values.dir, scale);
const peaks: Peaks = { memory: 0, gap: 0 };
const lines: Line[] = [];
for (const [name, section] of Object.entries(sections)) {
  if (!values.only.split(',').includes(name)) continue;
  console.error(`measuring: ${name}`);
  lines.push(...(await section(stage, peaks, Number(values.repeats))));
}
const summary: Line[] = [
  {
    what: 'longest standstill of the event loop',
    cold: false,
    seconds: peaks.gap / 1000,
    ratio: peaks.gap,
    limit: { most: 30 },
    note: 'ratio is milliseconds',
  },
  {
    what: 'highest memory',
    cold: false,
    seconds: 0,
    bytes: peaks.memory,
    ratio: peaks.memory / 2 ** 20,
    limit: { most: 300 },
    note: 'ratio is MiB',
  },
];
console.log(printTable([...lines, ...summary]));
process.exitCode = [...lines, ...summary].some((line) => verdict(line) === 'MISSED') ? 1 : 0;
