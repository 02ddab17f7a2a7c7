import type { Operator } from '../actions/operator.ts';
import { parseInstant } from '../backups/times.ts';
import type { Context } from '../cli/context.ts';
import type { Tenant } from '../engine/tenant.ts';
import { resolveTenant } from '../engine/tenants.ts';
import type { Incident } from '../incident/incident.ts';
import { resumeIncident, type Store } from '../incident/store.ts';
import { systemClock } from '../runbook/clock.ts';
import { loadRunbook } from '../runbook/load.ts';
import type { Runbook } from '../runbook/runbook.ts';
import { Runner } from '../runbook/runner.ts';
import { runbookOf, startIncident } from '../runbook/start.ts';
import type { Walker } from './desk.ts';
import type { Start } from './navigation.ts';

/** An incident that was opened, and what walks it. */
export interface Begun {
  incident: Incident;
  run: (operator: Operator, signal: AbortSignal) => Walker;
  close: () => Promise<void>;
}

async function storeOf(context: Context): Promise<Store> {
  const config = await context.config();
  const { name, host, origin } = context.operator;
  return {
    stateDir: config.state,
    mirrorDir: config.mirror ?? null,
    actor: { name, host, ...(origin ? { ssh: origin } : {}) },
  };
}

async function begun(
  context: Context,
  incident: Incident,
  runbook: Runbook,
  tenant: Tenant | null,
): Promise<Begun> {
  const [config, database] = await Promise.all([context.config(), context.openDatabase()]);
  const { mode } = incident.state.opened;
  return {
    incident,
    run: (operator, signal) =>
      new Runner({ runbook, incident, config, database, tenant, mode, operator, clock: systemClock, signal }),
    close: () => incident.close(),
  };
}

/** Opens a new incident. Rejects with what is wrong; nothing was started then. */
export async function begin(context: Context, start: Start, detectedAt: Date): Promise<Begun> {
  const [config, database, store] = await Promise.all([
    context.config(),
    context.openDatabase(),
    storeOf(context),
  ]);
  const damagedAt = start.damagedAt === '' ? null : parseInstant(start.damagedAt);
  const runbook = await loadRunbook(start.runbook, config.runbooks);
  const session = await database.open({ mode: 'read' });
  const tenants = await session.tenants(config.tenants).finally(() => session.close());
  const tenant = resolveTenant(`id:${start.tenant.id}`, tenants, null);
  const incident = await startIncident(store, {
    kind: 'runbook',
    runbook,
    config,
    database,
    tenant,
    mode: start.mode,
    detectedAt,
    damagedAt,
  });
  return begun(context, incident, runbook, tenant);
}

/** Goes on with an incident. Rejects with incident-locked when somebody holds it and no reason is given. */
export async function resume(context: Context, id: string, reason: string | null): Promise<Begun> {
  const store = await storeOf(context);
  const { incident } = await resumeIncident(store, id, reason === null ? undefined : { reason });
  const [first] = incident.state.tenants;
  const tenant = first ? { ...first, status: null } : null;
  return begun(context, incident, await runbookOf(incident), tenant);
}
