import type { IncidentState } from './records.ts';

/** What earlier incidents and rehearsals on the same database tell about how long things take. */
export interface History {
  /** Seconds each step took, by step id; only runs of the same runbook count. */
  steps: Record<string, { seconds: number; runs: number }>;
  /** Rows changed per second, from all restores that finished; null before the first. */
  rowsPerSecond: number | null;
}

export const noHistory: History = { steps: {}, rowsPerSecond: null };

/**
 * Collects it from other incidents: medians, because one slow night must not spoil every projection. Dry runs
 * say nothing about duration.
 */
export function historyFor(state: IncidentState, others: IncidentState[]): History {
  const alike = others.filter(
    (other) =>
      other.id !== state.id &&
      other.opened.mode !== 'dry-run' &&
      other.opened.database.location === state.opened.database.location,
  );
  const steps: History['steps'] = {};
  for (const { id } of state.steps) {
    const taken = alike
      .filter((other) => other.runbook?.name === state.runbook?.name)
      .flatMap((other) => other.steps.filter((step) => step.id === id && step.state === 'done'))
      .flatMap((step) => step.seconds ?? []);
    const seconds = median(taken);
    if (seconds !== null) steps[id] = { seconds, runs: taken.length };
  }
  return { steps, rowsPerSecond: median(alike.flatMap(restoreRates)) };
}

function restoreRates(state: IncidentState): number[] {
  return state.restores.flatMap(({ finished }) => {
    if (!finished) return [];
    const seconds = Object.values(finished.seconds).reduce((sum, one) => sum + one, 0);
    const rows = changedRows(finished.tables);
    return rows > 0 && seconds > 0 ? [rows / seconds] : [];
  });
}

export function changedRows(tables: { insert: number; update: number; delete: number }[]): number {
  return tables.reduce((sum, table) => sum + table.insert + table.update + table.delete, 0);
}

function median(values: number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
