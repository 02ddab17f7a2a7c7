import { printable } from '../../engine/printable.ts';
import { sameId, type TenantId } from '../../engine/tenant.ts';
import { onCopy } from '../../incident/mode.ts';
import type { IncidentState, RestoreRecord } from '../../incident/records.ts';
import { count } from '../format.ts';
import { paragraph } from '../layout.ts';
import type { Line, Tone } from '../line.ts';
import { effectsReading } from './effects.ts';

/** What was restored, how it was proved, and where the rows are that were there before; a line each of several tenants. */
export function restoredLines(state: IncidentState, width: number): Line[] {
  const say = (text: string, tone: Tone = 'plain'): Line[] => paragraph(text, width - 2, tone, 1);
  const done = state.restores.filter((restore) => restore.finished);
  // What was kept of a copy is of no use to anybody.
  const kept = (text: string): Line[] => (onCopy(state.opened.mode) ? [] : say(text));
  if (changedSeveral(state)) {
    return [
      ...done.flatMap((one) => say(`${printable(slugOf(state, one.tenant))}: ${effectsOf(one)}.`)),
      ...say(`Rows of other tenants written: ${count(others(done))}, proved for each of them.`, 'good'),
      ...kept(`Their rows as they were before are kept: restore <slug> --from safety:${state.id}.`),
    ];
  }
  return done.flatMap((one) => {
    const isolation = one.finished?.isolation;
    return [
      ...say(`Restored: ${effectsOf(one)}.`),
      ...(isolation
        ? say(
            `Rows of other tenants written: ${count(isolation.otherRowsWritten)}, proved by ${printable(isolation.method)} over ${count(isolation.tablesGuarded)} tables.`,
            'good',
          )
        : []),
      ...kept(
        `The ${count(one.intended.safetyCopy.rows)} rows as they were before are kept: --from safety:${state.id} brings any of them back.`,
      ),
    ];
  });
}

/** The incident changed more than one tenant: whoever takes it back has to say which. */
export function changedSeveral({ restores }: IncidentState): boolean {
  return new Set(restores.filter((one) => one.finished).map(({ tenant }) => tenant.text)).size > 1;
}

function effectsOf({ finished }: RestoreRecord): string {
  return effectsReading(finished?.tables ?? []);
}

function others(done: RestoreRecord[]): number {
  return done.reduce((sum, { finished }) => sum + (finished?.isolation?.otherRowsWritten ?? 0), 0);
}

function slugOf({ tenants }: IncidentState, id: TenantId): string {
  return tenants.find((one) => sameId(one.id, id))?.slug ?? id.text;
}
