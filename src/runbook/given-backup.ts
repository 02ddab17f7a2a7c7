import { type ChangeDeps, Workbench } from '../actions/change.ts';
import { chooseBackup } from '../actions/choose-backup.ts';
import { shellLine } from '../actions/command.ts';
import { newestThatHelps } from '../actions/newest-that-helps.ts';
import { restore } from '../actions/restore.ts';
import { refInFull } from '../backups/refs.ts';
import type { Config } from '../config/schema.ts';
import { requireInBackup } from '../engine/planning.ts';
import type { Database, OnProgress } from '../engine/port.ts';
import type { Tenant } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';

interface Where {
  config: Config;
  database: Database;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** The backup that flags named; nothing is asked then. */
export interface GivenBackup {
  from: string;
  /** Name of the other database it comes from, typed to accept that. */
  foreignSource?: string | undefined;
}

/** Undefined where no backup was named. Throws usage where one is accepted and none named. */
export function givenOf({ from, foreignSource }: Partial<GivenBackup>): GivenBackup | undefined {
  if (from !== undefined) return { from, foreignSource };
  if (foreignSource === undefined) return undefined;
  throw new TenantDrError('usage', '--foreign-source accepts one backup, and none was named.', {
    hint: 'Nothing was changed. Say which with --from <ref>.',
  });
}

/**
 * The backup a run was given, named in words that last (see `refInFull`). It was read to its end, comes from this database
 * and holds the tenant: a bad one is found before anybody is suspended. Rejects as `Workbench.open` does, and with
 * backup-without-tenant; nothing is written.
 */
export async function soundBackup(
  { from, foreignSource }: GivenBackup,
  tenant: Tenant,
  where: Where,
): Promise<GivenBackup> {
  const bench = await Workbench.open(lookingFrom(where), from, foreignSource, () => [tenant.id]);
  try {
    requireInBackup(bench.change(tenant).tenant, bench.backup.whole);
    await bench.backup.confirmed;
    return { from: refInFull(bench.backup), foreignSource };
  } finally {
    await bench.close();
  }
}

function lookingFrom({ config, database, signal, onProgress }: Where): ChangeDeps {
  return {
    ...{ config, database, mode: 'dry-run', signal: signal ?? new AbortController().signal },
    progress: ({ unit, ...rest }) => unit !== 'seconds' && onProgress?.({ ...rest, unit }),
    output: () => undefined,
  };
}

/**
 * Where nobody will be there to choose: that some backup can be used is found out before anybody is suspended. Which
 * one, and why others not, is settled and journaled by the step that chooses. Rejects with backup-missing.
 */
export async function requireOneThatHelps(
  tenant: Tenant,
  where: Where & { detectedAt: Date; damagedAt: Date | null },
): Promise<void> {
  const { detectedAt, damagedAt } = where;
  const opened = { detectedAt: detectedAt.toISOString(), damagedAt: damagedAt?.toISOString() ?? null };
  const incident = { state: { opened, taskNotes: [] } };
  await newestThatHelps({ ...lookingFrom(where), tenant, incident, note: async () => undefined });
}

type Input = Record<string, Record<string, unknown>>;

/** Input for the steps that use a backup, by action id: they take this one. */
export function withBackup(input: Input, { from, foreignSource }: GivenBackup): Input {
  const { foreignSource: _, ...rest } = input[restore.id] ?? {};
  return {
    ...input,
    [chooseBackup.id]: { from },
    [restore.id]: { ...rest, from, ...(foreignSource === undefined ? {} : { foreignSource }) },
  };
}

/**
 * Another backup than the one chosen so far, for the rest of a run; in the journal, for whoever resumes the next time.
 * Rejects as `soundBackup` does, and with usage where no restore is to come.
 */
export async function goOnWith(
  given: GivenBackup,
  incident: Incident,
  tenant: Tenant | null,
  where: Where,
): Promise<void> {
  const { opened, tasks, input } = incident.state;
  const restored = Object.values(tasks).some((one) => one.action === restore.id && one.state === 'done');
  if (opened.kind !== 'runbook' || !tenant || restored) {
    const why = restored ? 'its rows were restored already' : 'it is no run of a runbook about one tenant';
    const command = shellLine(['tenant-dr', 'restore', tenant?.slug ?? '<tenant>', '--from', given.from]);
    throw new TenantDrError('usage', `${incident.id} takes no other backup: ${why}. Nothing was changed.`, {
      hint: `Go on without --from, or restore anew: ${command}`,
    });
  }
  const sound = await soundBackup(given, tenant, where);
  await incident.append({ event: 'run.resumed', input: withBackup(input, sound) });
}
