import { describe, expect, test } from 'vitest';
import { openAgain } from '../../src/actions/reconnect.ts';
import { closeFailed } from '../../src/cli/one-step.ts';
import { TenantDrError } from '../../src/errors.ts';
import type { Incident } from '../../src/incident/incident.ts';

describe('a database that is gone in the middle of several tenants', () => {
  const gone = new TenantDrError('database-unreachable', 'gone');
  const foreign = new TenantDrError('backup-foreign', 'another database answers there now');

  test.each([
    ['is connected to again when it is back', [gone, gone, null], 4],
    ['is given up on after a minute', Array(99).fill(gone), 60],
    ['is not asked twice when another one answers', [foreign, null], 0],
  ])('%s', async (_, answers: (TenantDrError | null)[], seconds) => {
    let now = 0;
    const said: string[] = [];
    const context = {
      clock: {
        now: () => new Date(now),
        sleep: async (pause: number) => {
          now += pause * 1000;
        },
      },
      signal: new AbortController().signal,
      output: (line: string) => void said.push(line),
    };
    let last: TenantDrError | null = null;
    const opened = openAgain(context, async () => {
      last = answers[said.length - 1] ?? null;
      if (last) throw last;
    });
    await opened.catch((error: unknown) => expect(error).toBe(last));
    expect([now / 1000, said.length]).toEqual([seconds, 1 + seconds / 2]);
  });

  test.each([
    [false, 0],
    [undefined, 1],
  ])('leaves its incident open when a tenant has begun: %s', async (begun, closed) => {
    const appended: string[] = [];
    const output = { results: [{ tenant: { id: 1, slug: 'one' }, error: {}, begun }] };
    await closeFailed({
      state: { closed: null, stopped: { why: 'failed' }, restores: [], tasks: { it: { output } } },
      append: async ({ event }: { event: string }) => void appended.push(event),
    } as unknown as Incident);
    expect(appended).toHaveLength(closed);
  });
});
