import { locate } from '../backups/refs.ts';
import { rpo } from '../incident/facts.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { damageTime, recordBackup, rpoOf } from './backup-facts.ts';
import { type Candidate, candidates, markSameAsLive } from './candidates.ts';
import { newestThatHelps, requireSome } from './newest-that-helps.ts';
import { type Option, unlessBack } from './operator.ts';
import { problemOf } from './unusable.ts';

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
  // The header says which, also when another is chosen later.
  says: () => '',
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
    const problem = from === undefined ? undefined : await problemWith(context, from);
    if (from !== undefined && problem === undefined) return chosen(context, from);
    if (!context.operator.attended) {
      const { entry } = await newestThatHelps(context);
      return chosen(context, entry.id, { at: entry.takenAt });
    }
    const found = requireSome(await candidates(context));
    return ask(context, await markSameAsLive(context, found), problem);
  },
});

type Chosen = z.output<typeof output>;

/** What is wrong with the backup that was given, or undefined. Rejects where nobody could choose another. */
async function problemWith(context: ActionContext, ref: string): Promise<string | undefined> {
  try {
    await locate(ref, context.config);
    return undefined;
  } catch (error) {
    return problemOf(error, context);
  }
}

/**
 * The picker again: for who thinks better of it, or because of a problem with the one chosen before. Rejects with
 * `WentBack`.
 */
export async function chooseAgain(context: ActionContext, problem?: string): Promise<Chosen> {
  return ask(context, await markSameAsLive(context, await candidates(context)), problem);
}

async function ask(context: ActionContext, found: Candidate[], problem?: string): Promise<Chosen> {
  const ref = await context.operator.choose(
    {
      id: 'choose-backup.ref',
      kind: 'choose',
      title: 'Which backup shall the tenant come back from?',
      detail: [
        ...(problem === undefined ? [] : [problem]),
        `The damage happened at ${damageTime(context).toISOString()}, as far as is known.`,
      ],
      options: found.map(optionOf),
      view: {
        kind: 'backups',
        damagedAt: damageTime(context).toISOString(),
        backups: found.map((one) => one.choice),
        ...(problem === undefined ? {} : { problem }),
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
  if (reason === null) return ask(context, found, problem);
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
