import type { SliceDigest } from '../engine/port.ts';
import type { SettleSample } from '../incident/facts.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { unlessBack } from './operator.ts';
import { shapeOf, withSession } from './slice.ts';

const sample = z.object({ atSeconds: z.number(), writes: z.number(), tables: z.array(z.string()) });

/** Waits until nothing changes the tenant's rows any more: what still writes would undo the repair. */
export const settle = defineAction({
  id: 'settle',
  title: 'Wait until the tenant’s data is still',
  description:
    'Compares the digest of the tenant’s rows between intervals until they have been still for `seconds`. Shows which tables still change. Going on although they do needs a reason.',
  byHand:
    'Count the tenant’s rows per table, wait ten seconds, count again and compare the newest timestamps; repeat until nothing changes. Look for running jobs where it does.',
  effect: 'read',
  input: z.strictObject({
    seconds: z
      .number()
      .nonnegative()
      .optional()
      .describe('How long the rows must be still; default tenants.settle'),
    insist: z
      .boolean()
      .default(true)
      .describe('Ask a person when the rows are not still in time; otherwise end and say so'),
    patience: z.number().positive().default(120).describe('Seconds after which a person is asked what to do'),
  }),
  output: z.object({
    quiet: z.boolean(),
    seconds: z.number(),
    samples: z.array(sample),
    reason: z.string().optional(),
  }),
  afterInterruption: 'rerun',
  says: ({ quiet }) => (quiet ? 'still' : 'NOT still'),
  inDryRun: 'preview',
  commands: () => ['tenant-dr digest <tenant>   # twice, some seconds apart: both must be equal'],

  async preview(context, input) {
    const seconds = input.seconds ?? context.config.tenants.settle;
    return {
      summary: `Waits until the rows of ${tenantOf(context).slug} have been still for ${seconds} s. Nothing is written.`,
      lines: [
        'Jobs, queues and open sessions of the application may still write after the tenant is suspended.',
      ],
      commands: [`tenant-dr digest ${tenantOf(context).slug}`],
    };
  },

  async run(context, input) {
    const tenant = tenantOf(context);
    const needed = input.seconds ?? context.config.tenants.settle;
    const watch = new StillWatch(context, needed);
    let patience = input.patience;
    for (;;) {
      const quiet = await watch.until(patience);
      let reason: string | undefined;
      if (!quiet && input.insist) {
        const answer = await askToGoOn(context, watch.samples);
        if (answer === 'wait') {
          patience += input.patience;
          continue;
        }
        reason = answer.reason;
      }
      const result = {
        quiet,
        seconds: watch.elapsed(),
        samples: watch.samples,
        ...(reason ? { reason } : {}),
      };
      await context.incident.append({ event: 'tenant.settled', tenant: tenant.id, ...result });
      return result;
    }
  },
});

/** Samples the slice; knows for how long it has not changed. */
class StillWatch {
  readonly samples: SettleSample[] = [];
  readonly #context: ActionContext;
  readonly #needed: number;
  readonly #started: number;
  #lastChange: number;
  #before: SliceDigest | null = null;

  constructor(context: ActionContext, needed: number) {
    this.#context = context;
    this.#needed = needed;
    this.#started = context.clock.now().getTime();
    this.#lastChange = this.#started;
  }

  elapsed(): number {
    return (this.#context.clock.now().getTime() - this.#started) / 1000;
  }

  /** True once the slice was still long enough; false when `limit` seconds have passed since the start. */
  async until(limit: number): Promise<boolean> {
    const { clock, signal } = this.#context;
    const interval = Math.min(2, Math.max(0.5, this.#needed / 5));
    return withSession(this.#context, 'read', async (session) => {
      const shape = await shapeOf(this.#context, session);
      const tenant = tenantOf(this.#context);
      for (;;) {
        await session.collect({ shape, tenant: tenant.id, staged: 'none', status: null });
        this.#compare(await session.digest('live'));
        const still = (clock.now().getTime() - this.#lastChange) / 1000;
        this.#context.progress({
          phase: 'still',
          done: Math.min(still, this.#needed),
          total: this.#needed,
          unit: 'seconds',
        });
        if (still >= this.#needed) return true;
        if (this.elapsed() >= limit) return false;
        await clock.sleep(Math.min(interval, this.#needed - still), signal);
      }
    });
  }

  /** A digest says that a table changed, not how often: a changed table counts as at least one write. */
  #compare(now: SliceDigest): void {
    const before = this.#before;
    this.#before = now;
    if (!before) return;
    const names = [...new Set([...Object.keys(before.tables), ...Object.keys(now.tables)])];
    const changed = names.filter((name) => before.tables[name]?.digest !== now.tables[name]?.digest);
    const writes = changed.reduce(
      (sum, name) =>
        sum + Math.max(1, Math.abs((now.tables[name]?.rows ?? 0) - (before.tables[name]?.rows ?? 0))),
      0,
    );
    const atSeconds = Math.round(this.elapsed() * 10) / 10;
    this.samples.push({ atSeconds, writes, tables: changed });
    this.#context.output(
      writes === 0 ? `${atSeconds} s: still` : `${atSeconds} s: ${writes} writes in ${changed.join(', ')}`,
    );
    if (writes > 0) this.#lastChange = this.#context.clock.now().getTime();
  }
}

async function askToGoOn(
  context: ActionContext,
  samples: SettleSample[],
): Promise<'wait' | { reason: string }> {
  const tables =
    [...new Set(samples.slice(-5).flatMap((one) => one.tables))].join(', ') ||
    'no table in the last intervals';
  const answer = await context.operator.choose(
    {
      id: 'settle.not-still',
      kind: 'choose',
      title: 'Something still writes the tenant’s rows.',
      detail: [
        `Still changing: ${tables}.`,
        'A job, a queue or an open session of the application may be the writer.',
      ],
      options: [
        { value: 'wait', label: 'Wait longer' },
        { value: 'go-on', label: 'Go on all the same', detail: 'needs a reason' },
      ],
    },
    context.signal,
  );
  if (answer === 'wait') return 'wait';
  const reason = await unlessBack(
    context.operator.reason(
      {
        id: 'settle.reason',
        kind: 'reason',
        title: 'Why go on while the tenant’s rows still change?',
        detail: ['Rows written meanwhile may be lost, or make the plan stale.'],
        mayGoBack: true,
      },
      context.signal,
    ),
  );
  return reason === null ? askToGoOn(context, samples) : { reason };
}
