import type { Config } from '../config/schema.ts';
import type { Tenant } from '../engine/tenant.ts';
import type { RunMode } from '../incident/mode.ts';
import type { IncidentState } from '../incident/records.ts';
import type { Task } from './runbook.ts';
import type { Condition } from './schema.ts';

interface Circumstances {
  config: Config;
  mode: RunMode;
  tenant: Tenant | null;
}

/** Why a task is left out here, or null when all its conditions hold. */
export function leftOutBecause(conditions: readonly Condition[], now: Circumstances): string | null {
  for (const condition of conditions) {
    const reason = failed(condition, now);
    if (reason) return reason;
  }
  return null;
}

function failed(condition: Condition, { config, mode, tenant }: Circumstances): string | null {
  if (condition.tier && !(tenant && condition.tier.includes(tenant.tier)))
    return `only for tier ${condition.tier.join(', ')}`;
  if (condition.environment && !condition.environment.includes(config.environment)) {
    return `only in ${condition.environment.join(', ')}`;
  }
  if (condition.mode && !condition.mode.includes(mode)) return `only in mode ${condition.mode.join(', ')}`;
  const missing = condition.configured?.find((key) => !isConfigured(config, key));
  return missing ? `the configuration has no ${missing}` : null;
}

function isConfigured(config: Config, key: NonNullable<Condition['configured']>[number]): boolean {
  if (key === 'checks') return config.checks.length > 0;
  if (key === 'hooks')
    return Object.values(config.hooks).some((pair) => pair.before.length + pair.after.length > 0);
  return config[key] !== undefined;
}

/** The steps and tasks a gate still waits for: done counts, skipped does not. */
export function gateWaitsFor(task: Task, state: IncidentState): string[] {
  return task.gate.filter((id) => {
    const found = state.tasks[id] ?? state.steps.find((step) => step.id === id);
    return found?.state !== 'done';
  });
}
