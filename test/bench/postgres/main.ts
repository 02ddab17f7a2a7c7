import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Line, printTable, verdict } from '../table.ts';
import { large, locks, many, type Peak, small, staging, typical } from './lines.ts';
import { Place } from './place.ts';

/**
 * `npm run bench:postgres -- [--only staging,small,typical,large,locks,many] [--shrink 1] [--repeats 3] [--dir folder]`
 * PostgreSQL benchmarks of the built program: ratios from one run on this machine, medians. `--shrink 10` makes every
 * tenant ten times smaller. Needs psql, pg_dump, pg_restore, createdb and python3.
 */
const sections = { staging, small, typical, large, locks, many };
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(sections).join(',') },
    shrink: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '3' },
    dir: { type: 'string', default: join(tmpdir(), 'tenant-dr-bench-postgres') },
  },
});
console.error(`${values.dir}; ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`);
const place = await Place.open(values.dir, Number(values.shrink));
const peak: Peak = { memory: 0 };
const lines: Line[] = [];
try {
  for (const [name, section] of Object.entries(sections)) {
    if (!values.only.split(',').includes(name)) continue;
    console.error(`measuring: ${name}`);
    lines.push(...(await section(place, peak, Number(values.repeats))));
  }
} finally {
  await place.close();
}
const memory: Line = {
  what: 'highest memory of the program',
  cold: true,
  seconds: 0,
  bytes: peak.memory,
  ratio: peak.memory / 2 ** 20,
  limit: { most: 350 },
  note: 'ratio is MiB',
};
console.log(printTable([...lines, memory]));
process.exitCode = [...lines, memory].some((line) => verdict(line) === 'MISSED') ? 1 : 0;
