import { parseInstant } from '../backups/times.ts';
import type { Context } from '../cli/context.ts';
import type { Progress } from '../engine/port.ts';
import type { Store } from '../incident/store.ts';
import { type Begun, beginRun, resumeRun } from '../runbook/begin.ts';
import type { Start } from './navigation.ts';

/** What `run` and `resume` do on the command line, from the home screen. */

async function storeOf(context: Context): Promise<Store> {
  const config = await context.config();
  const { name, host, origin } = context.operator;
  return {
    stateDir: config.state,
    mirrorDir: config.mirror ?? null,
    actor: { name, host, ...(origin ? { ssh: origin } : {}) },
  };
}

async function surroundings(context: Context, signal: AbortSignal, onProgress: (progress: Progress) => void) {
  const [config, database, store] = await Promise.all([
    context.config(),
    context.openDatabase(),
    storeOf(context),
  ]);
  return { config, database, store, signal, onProgress };
}

/** Opens a new incident. Rejects with what is wrong; nothing was started then. */
export async function begin(
  context: Context,
  start: Start,
  detectedAt: Date,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Begun> {
  return beginRun({
    ...(await surroundings(context, signal, onProgress)),
    runbook: start.runbook,
    tenant: `id:${start.tenant.id}`,
    mode: start.mode,
    detectedAt,
    damagedAt: start.damagedAt === '' ? null : parseInstant(start.damagedAt),
  });
}

/** Goes on with an incident. Rejects with incident-locked when somebody holds it and no reason is given. */
export async function resume(
  context: Context,
  id: string,
  reason: string | null,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Begun> {
  return resumeRun({
    ...(await surroundings(context, signal, onProgress)),
    id,
    takeOver: reason === null ? undefined : { reason },
  });
}
