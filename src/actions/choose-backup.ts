import { locate } from '../backups/refs.ts';
import { countEffects } from '../engine/planning.ts';
import { TenantDrError } from '../errors.ts';
import { rpo } from '../incident/facts.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, stopIfAsked, tenantOf } from './action.ts';
import { damageTime, recordBackup, rpoOf } from './backup-facts.ts';
import { type Candidate, candidates, markSameAsLive, newestFall } from './candidates.ts';
import { Change } from './change.ts';
import { type Option, unlessBack } from './operator.ts';
import { lookingOnly } from './slice.ts';

const output = z.object({
  ref: z.string(),
  path: z.string(),
  takenAt: z.string().nullable(),
  rpo,
  /** Why an older one than the RPO asks for, or one from after the damage. */
  reason: z.string().optional(),
});

/** Settles which backup the tenant comes back from. */
export const chooseBackup = defineAction({
  id: 'choose-backup',
  title: 'Choose the backup',
  description:
    'Shows every backup with its age against the damage time and the tenant’s rows in it; none is preselected. Where nobody chooses: the newest sound one from before the damage that holds the tenant and differs from the live rows.',
  byHand:
    'List the backups with their times in UTC, leave out those taken after the damage, check the newest of the rest with an integrity check, and make sure the tenant is in it.',
  effect: 'read',
  input: z.strictObject({ from: z.string().optional().describe('Ref of the backup; nothing is asked then') }),
  output,
  afterInterruption: 'rerun',
  says: ({ takenAt }) => (takenAt === null ? 'backup chosen' : `backup of ${takenAt.slice(11, 16)} UTC`),
  inDryRun: 'run',
  commands: () => ['tenant-dr backups --tenant <tenant>', 'tenant-dr plan <tenant> --from <ref>'],

  async preview(context, { from }) {
    const slug = tenantOf(context).slug;
    return {
      summary: from
        ? `Uses ${from}.`
        : `Finds a backup of ${slug} from before ${damageTime(context).toISOString()}.`,
      lines: [],
      commands: [`tenant-dr backups --tenant ${slug}`],
    };
  },

  async run(context, { from }) {
    if (from !== undefined) return chosen(context, from);
    const found = await candidates(context);
    if (found.length === 0) {
      throw new TenantDrError('backup-missing', 'There is no backup. Nothing was changed.', {
        hint: 'Set `backups:` in the config or --backups, or give --from <path>.',
      });
    }
    if (!context.operator.attended) {
      const best = await newestThatHelps(context, found);
      return chosen(context, best.entry.id, { at: best.entry.takenAt });
    }
    return ask(context, await markSameAsLive(context, found));
  },
});

type Chosen = z.output<typeof output>;

/** The picker again, for who thinks better of it. Rejects with `WentBack`. */
export async function chooseAgain(context: ActionContext): Promise<Chosen> {
  return ask(context, await markSameAsLive(context, await candidates(context)));
}

async function ask(context: ActionContext, found: Candidate[]): Promise<Chosen> {
  const ref = await context.operator.choose(
    {
      id: 'choose-backup.ref',
      kind: 'choose',
      title: 'Which backup shall the tenant come back from?',
      detail: [`The damage happened at ${damageTime(context).toISOString()}, as far as is known.`],
      options: found.map(optionOf),
      view: {
        kind: 'backups',
        damagedAt: damageTime(context).toISOString(),
        backups: found.map((one) => one.choice),
      },
      mayGoBack: true,
    },
    context.signal,
  );
  const candidate = found.find((one) => one.entry.id === ref);
  const taken = candidate?.entry.takenAt ?? null;
  const why = candidate ? outOfTheOrdinary(candidate, context) : null;
  if (why === null) return chosen(context, ref, { at: taken });
  const reason = await unlessBack(
    context.operator.reason(
      {
        id: 'choose-backup.reason',
        kind: 'reason',
        title: 'Why this backup?',
        detail: [why],
        mayGoBack: true,
      },
      context.signal,
    ),
  );
  if (reason === null) return ask(context, found);
  return chosen(context, ref, { at: taken, reason });
}

function optionOf({ entry, choice, unusable }: Candidate): Option {
  const rows = choice.rows ? Object.values(choice.rows).reduce((sum, one) => sum + one, 0) : null;
  const facts = [
    choice.afterDamage ? 'after the damage' : null,
    choice.rpoMet === false && !choice.afterDamage ? 'older than the RPO' : null,
    choice.verified === true ? 'verified' : 'not verified yet',
    rows === null ? null : `${rows} rows`,
    choice.sameAsLive ? 'holds the same state: nothing to restore' : null,
  ];
  return {
    value: entry.id,
    label: `${entry.takenAt.toISOString()}  ${entry.id}`,
    detail: facts.filter((fact) => fact !== null).join(', '),
    ...(unusable ? { disabled: unusable } : {}),
  };
}

/** What a reason is asked for, or null. */
function outOfTheOrdinary({ choice }: Candidate, context: ActionContext): string | null {
  if (choice.afterDamage) return 'It was taken after the damage and may hold it.';
  const limit = rpoOf(context, choice.takenAt ? new Date(choice.takenAt) : null).limitSeconds;
  if (choice.rpoMet !== false || limit === null) return null;
  return `It is older than the RPO of ${Math.round(limit / 60)} min allows: more is lost than was promised.`;
}

async function chosen(
  context: ActionContext,
  ref: string,
  known: { at?: Date | null; reason?: string } = {},
): Promise<Chosen> {
  const found = await locate(ref, context.config);
  const takenAt = found.takenAt ?? known.at ?? null;
  await recordBackup(context, { ref, path: found.path, takenAt }, known.reason);
  context.output(`${ref}, taken ${takenAt?.toISOString() ?? 'at an unknown time'}`);
  return {
    ref,
    path: found.path,
    takenAt: takenAt?.toISOString() ?? null,
    rpo: rpoOf(context, takenAt),
    ...(known.reason ? { reason: known.reason } : {}),
  };
}

/**
 * Opens candidates, newest first, until one is sound, holds the tenant and has something to put back. Where nobody
 * said when the damage happened, one that has markedly fewer rows than the next older one is passed over too.
 */
async function newestThatHelps(context: ActionContext, found: Candidate[]): Promise<Candidate> {
  const passedOver: string[] = [];
  const damageKnown = context.incident.state.opened.damagedAt !== null;
  let best: { candidate: Candidate; rows: number } | null = null;
  for (const candidate of found.filter((one) => !one.choice.afterDamage)) {
    stopIfAsked(context.signal);
    const { id } = candidate.entry;
    const { why, rows } = candidate.unusable
      ? { why: candidate.unusable, rows: 0 }
      : await lookInto(context, id);
    if (why !== null) passedOver.push(`${id} passed over: ${why}`);
    else if (best === null || newestFall([best.rows, rows]) === 0) {
      if (best)
        passedOver.push(`${best.candidate.entry.id} passed over: far fewer rows than in ${id} before it`);
      best = { candidate, rows };
      if (damageKnown || candidate.choice.rows !== null) break;
    } else break;
  }
  for (const line of passedOver) await context.note(line);
  if (best) return best.candidate;
  throw new TenantDrError(
    'backup-missing',
    'No backup from before the damage can be used. Nothing was changed.',
    {
      hint:
        passedOver.at(0) ??
        'All backups were taken after the damage; give --from <ref> or an earlier --damaged-at.',
      facts: { passedOver },
    },
  );
}

/** Why a backup does not help, or null; and how many rows of the tenant it holds. */
async function lookInto(context: ActionContext, ref: string): Promise<{ why: string | null; rows: number }> {
  try {
    const change = await Change.open(lookingOnly(context), ref);
    try {
      await change.backup.confirmed;
      if (!change.tenant.inBackup) return { why: 'it does not hold the tenant', rows: 0 };
      const plan = await change.plan({ mode: 'exact' });
      const { insert, update, delete: deleted } = countEffects(plan);
      const same = insert + update + deleted === 0;
      const rows = plan.tables.reduce((sum, table) => sum + table.backup, 0);
      return { why: same ? 'it holds the same state: nothing to restore' : null, rows };
    } finally {
      await change.close();
    }
  } catch (error) {
    if (error instanceof TenantDrError && error.code.startsWith('backup-'))
      return { why: error.message, rows: 0 };
    throw error;
  }
}
