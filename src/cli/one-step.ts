import type { Action, Closable } from '../actions/action.ts';
import type { Config } from '../config/schema.ts';
import type { DatabaseIdentity } from '../engine/port.ts';
import type { Tenant } from '../engine/tenant.ts';
import type { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';
import { unprobedTenants } from '../incident/state.ts';
import type { Store } from '../incident/store.ts';
import type { SingleStep } from '../runbook/single.ts';
import { runAloud } from './aloud.ts';
import { inIncident } from './changed.ts';
import type { Context } from './context.ts';
import { firstNotBegun, resultsSoFar } from './several-results.ts';

/** The commands that change one thing (restore, undo, suspend, reactivate) as incidents with one step, confirmed before they begin. */

export interface OneStep {
  kind: 'restore' | 'undo' | 'suspend' | 'reactivate';
  title: string;
  action: Action;
  input: Record<string, unknown>;
  /** What belongs to the same step and follows. */
  followedBy?: SingleStep['followedBy'];
  tenant: Tenant | null;
  tenants?: Tenant[];
  identity: DatabaseIdentity;
  /** The phrase the operator typed, already compared. */
  phrase: string;
  /** Opened and planned before; closed by the run. */
  held: Record<string, Closable>;
  detectedAt?: Date;
  damagedAt?: Date;
  of?: string;
}

export interface OneStepResult {
  incident: string;
  /** Of the action; of a restore of several that ended in between, what came of each. */
  output: unknown;
  /** Of every action that ran, by its id. */
  outputs: Record<string, unknown>;
  error: TenantDrError | null;
}

export function storeOf(context: Context, config: Config): Store {
  const { name, host, origin } = context.operator;
  return {
    stateDir: config.state,
    ...(config.mirror ? { mirrorDir: config.mirror } : {}),
    actor: { name, host, ...(origin ? { ssh: origin } : {}) },
    now: () => context.clock().getTime(),
  };
}

/** The modules a step needs; called early, while something else is waited for. */
export async function loadOneStep() {
  const [start, single, runner, headless, clock] = await Promise.all([
    import('../runbook/start.ts'),
    import('../runbook/single.ts'),
    import('../runbook/runner.ts'),
    import('../runbook/headless.ts'),
    import('../runbook/clock.ts'),
  ]);
  return { ...start, ...single, ...runner, ...headless, ...clock };
}

/** Somebody may have been in the middle of something with the same tenants. */
export function warnOfOthers({ output }: Context, { state }: Incident): void {
  for (const id of state.openToo)
    output.warn(`${id} about the same tenant is still open.`, `\`tenant-dr resume ${id}\` goes on with it.`);
}

/** Opens the incident, runs its step, closes it. A step that changed nothing closes its incident as failed. */
export async function runOneStep(context: Context, config: Config, step: OneStep): Promise<OneStepResult> {
  const { startIncident, singleStep, Runner, absentOperator, systemClock } = await loadOneStep();
  const database = await context.openDatabase(config);
  const runbook = singleStep({ ...step, why: step.title });
  const incident = await startIncident(storeOf(context, config), {
    kind: step.kind,
    runbook,
    config,
    database,
    tenant: step.tenant,
    ...(step.tenants ? { tenants: step.tenants } : {}),
    identity: step.identity,
    mode: 'live',
    detectedAt: step.detectedAt ?? context.clock(),
    damagedAt: step.damagedAt ?? null,
    ...(step.of ? { of: step.of } : {}),
  });
  context.output.event('incident', { incident: incident.id });
  warnOfOthers(context, incident);
  try {
    const runner = new Runner({
      runbook,
      incident,
      config,
      database,
      tenant: step.tenant,
      mode: 'live',
      operator: absentOperator(step.phrase),
      clock: { ...systemClock, now: context.clock },
      signal: context.signal,
      held: step.held,
    });
    const result = await runAloud(context, runner);
    const task = Object.values(incident.state.tasks).find((one) => one.action === step.action.id);
    await closeFailed(incident);
    const outputs = Object.fromEntries(
      Object.values(incident.state.tasks).map((one) => [one.action ?? one.id, one.output ?? null]),
    );
    return {
      incident: incident.id,
      output: task?.output ?? resultsSoFar(incident, result.error),
      outputs,
      error: result.error && inIncident(result.error, incident),
    };
  } finally {
    await incident.close();
  }
}

/** Closes an incident whose step failed, where nothing is left to find out or to begin: the command can be given again. */
export async function closeFailed(incident: Incident): Promise<void> {
  const { state } = incident;
  if (state.closed || state.stopped?.why !== 'failed' || unprobedTenants(state).length > 0) return;
  if (Object.values(state.tasks).some(({ output }) => firstNotBegun(output))) return;
  await incident.append({ event: 'closed', outcome: 'failed', reason: state.stopped.message });
}
