import { describe, expect, test } from 'vitest';
import type { Change, Workbench } from '../../src/actions/change.ts';
import { planMany } from '../../src/actions/many-plans.ts';
import { openAgain } from '../../src/actions/reconnect.ts';
import { closeFailed } from '../../src/cli/one-step.ts';
import type { Tenant } from '../../src/engine/tenant.ts';
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
    ['ends the showing, for nobody’s rows can be shown', true],
    ['where it did not break, leaves out the one tenant, then and when it is carried out', false],
  ])('%s', async (_, lost) => {
    const change = { leftOut: null, plan: () => Promise.reject(gone) } as unknown as Change;
    const bench = { change: () => change, ground: { session: { lost } } } as unknown as Workbench;
    const context = { signal: new AbortController().signal, progress: () => undefined };
    const options = { mode: 'exact', tables: undefined, except: undefined } as const;
    const shown = planMany(bench, [{ slug: 'one' } as Tenant], options, context);
    if (lost) await expect(shown).rejects.toBe(gone);
    else expect((await shown).tenants).toMatchObject([{ refusal: 'gone' }]);
    expect(change.leftOut).toBe(lost ? null : gone);
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
