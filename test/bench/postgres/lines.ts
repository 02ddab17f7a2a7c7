import type { Run } from '../measure.ts';
import { median } from '../measure.ts';
import type { Line } from '../table.ts';
import { sizes } from './generate.ts';
import type { Place } from './place.ts';

/** Highest memory of all runs of the built program. */
export interface Peak {
  memory: number;
}

type Section = (place: Place, peak: Peak, repeats: number) => Promise<Line[]>;

const tenants = { small: 500, typical: 50, large: 1 } as const;

interface Seconds {
  stage: number;
  writeLock: number;
}

async function often(count: number, work: () => Promise<Run>): Promise<Run> {
  const runs: Run[] = [];
  for (let n = 0; n < count; n++) runs.push(await work());
  return median(runs);
}

/** Restores lightly damaged tenants by the built program. */
function restoring(place: Place, peak: Peak, ids: number[], from: string): () => Promise<Run> {
  return async () => {
    await place.damage(ids);
    const run = await place.restore(ids, from);
    peak.memory = Math.max(peak.memory, run.memory);
    return run;
  };
}

function secondsOf(run: Run): Seconds {
  return (JSON.parse(run.stdout) as { seconds: Seconds }).seconds;
}

/** How much longer than decompression alone it takes until a tenant's rows stand beside the live ones. */
export const staging: Section = async (place, peak, repeats) => {
  const lines: Line[] = [];
  for (const [size, tenant] of Object.entries(tenants)) {
    const floors: Run[] = [];
    const runs: Run[] = [];
    // By turns: what else the machine does meanwhile slows both.
    for (let n = 0; n < repeats; n++) {
      floors.push(await place.baseline('inflate.mjs', [place.plain]));
      runs.push(await restoring(place, peak, [tenant], place.plain)());
    }
    const { seconds, bytes } = JSON.parse(median(floors).stdout) as { seconds: number; bytes: number };
    const { stage } = secondsOf(median(runs));
    lines.push({
      what: `staging, ${size} tenant from .sql.gz`,
      cold: true,
      seconds: stage,
      bytes: place.bytesOf(place.plain),
      against: { name: 'decompression alone', seconds, bytes },
      ratio: stage / seconds,
      ...(size === 'large' ? { note: 'no goal' } : { limit: { most: 1.3 } }),
    });
  }
  return lines;
};

/** The whole command, from start to end of the process, against the way by a scratch database. */
function whole(size: keyof typeof tenants): Section {
  return async (place, peak, repeats) => {
    const lines: Line[] = [];
    for (const [kind, dump, least] of [
      ['.sql.gz', place.plain, 5],
      ['.dump', place.custom, 3.5],
    ] as const) {
      const tenant = tenants[size];
      const hands: Run[] = [];
      const runs: Run[] = [];
      for (let n = 0; n < repeats; n++) {
        await place.damage([tenant]);
        hands.push(await place.byScratch(tenant, dump));
        runs.push(await restoring(place, peak, [tenant], dump)());
      }
      const [hand, ours] = [median(hands), median(runs)];
      lines.push({
        what: `whole restore, ${size} tenant from ${kind}`,
        cold: true,
        seconds: ours.seconds,
        bytes: place.bytesOf(dump),
        against: {
          name: kind === '.dump' ? 'scratch, pg_restore -j2' : 'scratch, psql',
          seconds: hand.seconds,
        },
        ratio: hand.seconds / ours.seconds,
        limit: { least },
      });
    }
    return lines;
  };
}

export const small = whole('small');
export const typical = whole('typical');
export const large = whole('large');

/** The large tenant, lightly damaged: how long its rows are locked, and what is written to the log meanwhile. */
export const locks: Section = async (place, peak, repeats) => {
  const reloads: { writeLock: number; walBytes: number }[] = [];
  for (let n = 0; n < repeats; n++)
    reloads.push(JSON.parse((await place.baseline('delete-and-reload.mjs', [place.url, '1'])).stdout));
  const reload = reloads.sort((a, b) => a.writeLock - b.writeLock)[repeats >> 1] as (typeof reloads)[0];
  const runs: { lock: number; bytes: number }[] = [];
  for (let n = 0; n < repeats; n++) {
    await place.damage([1]);
    const { run, bytes } = await place.walBytes(() => place.restore([1], place.custom));
    peak.memory = Math.max(peak.memory, run.memory);
    runs.push({ lock: secondsOf(run).writeLock, bytes });
  }
  const ours = runs.sort((a, b) => a.lock - b.lock)[repeats >> 1] as (typeof runs)[0];
  return [
    {
      what: 'large tenant, light damage: rows locked',
      cold: false,
      seconds: ours.lock,
      bytes: ours.bytes,
      against: { name: 'delete, reload', seconds: reload.writeLock, bytes: reload.walBytes },
      ratio: ours.lock / reload.writeLock,
      limit: { most: 0.4 },
      note: 'MB: write-ahead log',
    },
  ];
};

/** A hundred small tenants in one call: one pass, and what each tenant costs besides. */
export const many: Section = async (place, peak, repeats) => {
  const ids = Array.from({ length: 100 }, (_, i) => 300 + i);
  const one = await often(repeats, restoring(place, peak, [tenants.small], place.plain));
  const { stage } = secondsOf(one);
  const together = await often(repeats, restoring(place, peak, ids, place.plain));
  const rest = one.seconds - stage;
  return [
    {
      what: '100 tenants in one call from .sql.gz',
      cold: true,
      seconds: together.seconds,
      against: { name: 'staging one tenant', seconds: stage },
      ratio: together.seconds / stage,
      note: `${(((together.seconds - 2 * stage) / sizes.s / ids.length) * 1e6).toFixed(0)} µs per row beyond two stagings`,
    },
    {
      what: '100 tenants in one call from .sql.gz',
      cold: true,
      seconds: together.seconds,
      against: { name: '2 stagings + 100 x the rest of one', seconds: 2 * stage + ids.length * rest },
      ratio: together.seconds / (2 * stage + ids.length * rest),
      limit: { most: 1 },
    },
    {
      what: '100 tenants in one call, times faster',
      cold: true,
      seconds: together.seconds,
      against: { name: '100 cold calls', seconds: one.seconds * ids.length },
      ratio: (one.seconds * ids.length) / together.seconds,
      note: 'one call measured',
    },
  ];
};
