import { beforeAll, describe, expect, test } from 'vitest';
import { seeded } from '../../src/demo/random.ts';
import { type TestDatabase, testCluster, testDatabase } from './cluster.ts';
import { crashDuring } from './crash.ts';
import { damagedOn } from './place.ts';
import { largeShop } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let template: TestDatabase;

beforeAll(async () => {
  server = await testCluster({ careless: false });
  template = await testDatabase(server, largeShop);
});

/** The later, the nearer to the commit; a busy machine shifts them all. */
const moments: Parameters<typeof crashDuring>[2][] = [
  { word: 'safety copy', milliseconds: 0, end: 'immediate' },
  { word: 'applying', milliseconds: 250, end: 'kill -9' },
];

/** More of them, for `npm run soak`. */
const random = seeded(Number(process.env.TENANT_DR_SEED ?? 1));
for (let n = 0; n < Number(process.env.TENANT_DR_CRASHES ?? 0); n++) {
  const milliseconds = random.between(0, Number(process.env.TENANT_DR_SPREAD ?? 600));
  moments.push({ word: 'applying', milliseconds, end: random.pick(['immediate', 'kill -9']) });
}

describe('a server that ends during a restore leaves the old rows or the planned ones, and resume knows which', () => {
  test.each(moments)('$end $milliseconds ms into $word', async (moment) => {
    const { complaints, exit, found } = await crashDuring(server, await damagedOn(server, template), moment);
    if (process.env.TENANT_DR_CRASHES) console.log(`${moment.milliseconds} ms: exit ${exit}, ${found}`);
    expect(complaints).toEqual([]);
  });
});
