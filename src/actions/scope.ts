import type { BackupEntry } from '../backups/catalogue.ts';
import type { Plan } from '../engine/planning.ts';
import type { Session } from '../engine/port.ts';
import type { SliceShape } from '../engine/slice.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, stopIfAsked, tenantOf } from './action.ts';
import { damageTime } from './backup-facts.ts';
import { type Candidate, candidates } from './candidates.ts';
import { Change } from './change.ts';
import { type AlsoHit, type Elsewhere, sameDamage } from './elsewhere.ts';
import { lookingOnly, shapeOf, withSession } from './slice.ts';
import { isUnusable } from './unusable.ts';

const difference = z.object({ name: z.string(), insert: z.number(), update: z.number(), delete: z.number() });

const otherHit = z.object({
  slug: z.string(),
  tables: z.array(z.string()),
  missing: z.number().nullable().default(null),
  overwritten: z.number().nullable().default(null),
});

/** Finds out what is damaged, whether anybody else is hit, and what the application itself logged. */
export const scope = defineAction({
  id: 'scope',
  title: 'See what is damaged',
  description:
    'Compares the tenant’s rows with the newest sound backups from before the damage, looks for the same damage in other tenants (rows gone or overwritten in the same tables; a person can cut that short), and shows the application’s audit log around the damage time. Writes nothing.',
  byHand:
    'Unpack the newest backup from before the damage beside the live database and count the tenant’s rows per table in both, tables that reach the tenant only through foreign keys included. Read the audit log around the damage time. Do the same count for some other tenants.',
  effect: 'read',
  input: z.strictObject({
    backups: z.number().int().min(1).max(10).default(2).describe('How many backups are compared'),
    minutes: z
      .number()
      .positive()
      .default(30)
      .describe('Span of the audit log on both sides of the damage time'),
    lookRound: z
      .number()
      .nonnegative()
      .default(30)
      .describe('Seconds to spend on looking for the same damage in other tenants'),
  }),
  output: z.object({
    compared: z.array(z.object({ ref: z.string(), tables: z.array(difference) })),
    /** Other tenants whose rows in the same tables are gone or overwritten; null when no manifest tells. */
    others: z.array(otherHit).nullable(),
    /** How thoroughly that was looked for. */
    lookedRound: z
      .object({
        compared: z.number(),
        changed: z.number(),
        ended: z.enum(['all', 'time', 'skipped', 'no-digests']),
      })
      .nullable()
      .default(null),
    /** Entries of the application's log by minute, without what they say. */
    trail: z.array(z.object({ at: z.string(), entries: z.number() })),
  }),
  afterInterruption: 'rerun',
  says: ({ compared, others }) => scopeSaid(compared[0]?.tables ?? null, others?.length ?? 0),
  inDryRun: 'run',
  commands: () => ['tenant-dr diff <tenant> --against <ref>', 'tenant-dr backups --tenant <tenant>'],

  async preview(context, { backups }) {
    const slug = tenantOf(context).slug;
    return {
      summary: `Compares ${slug} with up to ${backups} backups from before the damage. Nothing is written.`,
      lines: [],
      commands: [`tenant-dr diff ${slug} --against <ref>`],
    };
  },

  async run(context, input) {
    const before = (await candidates(context)).filter((one) => !one.choice.afterDamage);
    const compared = await compare(context, before, input.backups);
    const newest = compared[0];
    const backup = before.find((one) => one.entry.id === newest?.ref)?.entry ?? null;
    return withSession(context, 'read', async (session) => {
      const shape = await shapeOf(context, session);
      const looking = { backup, tables: newest?.tables ?? [], seconds: input.lookRound };
      const round = await lookElsewhere(context, session, shape, looking);
      const trail = await readTrail(context, session, shape, input.minutes);
      return { compared, others: round?.hit ?? null, lookedRound: round, trail };
    });
  },
});

interface Compared {
  ref: string;
  tables: z.output<typeof difference>[];
}

/** So many backups are opened in vain: each takes as long as a restore needs to read it, while the clock runs. */
const patience = 5;

/** Opens backups, newest first, until enough could be compared; one that cannot be read is named and passed over. */
async function compare(context: ActionContext, before: Candidate[], wanted: number): Promise<Compared[]> {
  const compared: Compared[] = [];
  let inVain = 0;
  for (const candidate of before) {
    if (compared.length === wanted) break;
    if (inVain === patience) {
      await context.note(`${patience} backups were opened in vain; older ones were not tried.`);
      return compared;
    }
    stopIfAsked(context.signal);
    const { id } = candidate.entry;
    if (candidate.unusable) {
      context.output(`${id} passed over: ${candidate.unusable}`);
      continue;
    }
    try {
      compared.push({ ref: id, tables: await differences(context, id) });
    } catch (error) {
      if (!isUnusable(error)) throw error;
      inVain++;
      await context.note(`${id} passed over: ${error.message}`);
    }
  }
  if (compared.length === 0)
    context.output('There is no sound backup from before the damage to compare with.');
  return compared;
}

async function differences(context: ActionContext, ref: string): Promise<Compared['tables']> {
  const change = await Change.open(lookingOnly(context), ref);
  let plan: Plan;
  try {
    plan = await change.plan({ mode: 'exact' });
  } finally {
    await change.close();
  }
  const changed = plan.tables.filter((table) => table.insert + table.update + table.delete > 0);
  context.output(`compared with ${ref}: ${changed.length === 0 ? 'no difference' : ''}`);
  for (const { name, insert, update, delete: added } of changed) {
    context.output(`  ${name}: ${insert} rows missing now, ${update} changed, ${added} new since`);
  }
  return changed.map(({ name, insert, update, delete: deleted }) => ({
    name,
    insert,
    update,
    delete: deleted,
  }));
}

/** Looks round at the other tenants, and says what was found. Null when no manifest tells who there is. */
async function lookElsewhere(
  context: ActionContext,
  session: Session,
  shape: SliceShape,
  { backup, tables, seconds }: { backup: BackupEntry | null; tables: Compared['tables']; seconds: number },
): Promise<Elsewhere | null> {
  if (!backup?.manifest?.tenants) {
    context.output('Other tenants were not looked at: the backup compared with has no manifest.');
    return null;
  }
  const damage = tables.filter((table) => table.insert + table.update > 0);
  if (damage.length === 0) return { hit: [], compared: 0, changed: 0, ended: 'all' };
  const found = await sameDamage(context, { session, shape, damage, backup, seconds });
  for (const other of found.hit) await context.note(`ALSO HIT: ${hitSaid(other)}`);
  if (found.hit.length === 0) context.output('No other tenant is seen to be hit in these tables.');
  const rest = found.changed - found.compared;
  if (found.ended === 'no-digests')
    context.output(
      'Only row counts were compared: the backup holds no digests. Overwritten rows are not seen.',
    );
  else if (found.ended !== 'all') {
    const why = found.ended === 'time' ? `after ${seconds} s` : 'as asked';
    await context.note(`Looking at other tenants ended ${why}: ${rest} that changed were not compared.`);
  }
  return found;
}

/** `ohara-mutual: prompts, leads (0 rows gone, 34 overwritten)` */
function hitSaid({ slug, tables, missing, overwritten }: AlsoHit): string {
  const rows = missing === null ? 'fewer rows' : `${missing} rows gone, ${overwritten} overwritten`;
  return `${slug}: ${tables.join(', ')} (${rows})`;
}

async function readTrail(
  context: ActionContext,
  session: Session,
  shape: SliceShape,
  minutes: number,
): Promise<{ at: string; entries: number }[]> {
  const log = context.config.auditLog;
  if (!log) return [];
  const middle = damageTime(context).getTime();
  const span = minutes * 60_000;
  await session.collect({ shape, tenant: tenantOf(context).id, staged: 'none', status: null });
  const entries = await session.trail({
    ...log,
    from: new Date(middle - span).toISOString(),
    to: new Date(middle + span).toISOString(),
    limit: 200,
  });
  if (entries.length === 0)
    context.output('The application logged nothing for this tenant around the damage time.');
  for (const entry of entries)
    context.output(`${entry.at} ${entry.what}${entry.count > 1 ? ` (${entry.count})` : ''}`);
  const byMinute = Map.groupBy(entries, (entry) => entry.at);
  return [...byMinute].map(([at, some]) => ({ at, entries: some.reduce((sum, one) => sum + one.count, 0) }));
}

/** `agents, leads and 2 more · 1 other tenant is hit` */
function scopeSaid(tables: Compared['tables'] | null, others: number): string {
  if (tables === null) return 'nothing to compare with';
  const worst = [...tables].sort((a, b) => b.insert + b.update - (a.insert + a.update));
  const named = worst.slice(0, 2).map((table) => table.name);
  const more = worst.length > named.length ? ` and ${worst.length - named.length} more` : '';
  const elsewhere = others > 0 ? ` · ALSO HIT: ${others} other tenant${others === 1 ? '' : 's'}` : '';
  return `${named.length === 0 ? 'no difference' : named.join(', ')}${more}${elsewhere}`;
}
