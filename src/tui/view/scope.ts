import type { BackupChoice } from '../../actions/operator.ts';
import { own } from '../../engine/own.ts';
import { printable } from '../../engine/printable.ts';
import type { IncidentState } from '../../incident/records.ts';
import { count } from '../format.ts';
import { fit } from '../layout.ts';
import { type Line, line, span } from '../line.ts';

/** What the scope step found out, for the screens that come after it. */
export interface Scope {
  /** The backup that was compared with, and how the live rows differ from it. */
  ref: string;
  tables: { name: string; insert: number; update: number; delete: number }[];
  /** Slugs of tenants whose rows in the same tables are gone or overwritten; null when nobody could tell. */
  others: string[] | null;
  /** Why not every tenant that changed was compared; '' when all were. */
  incomplete: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function tableOf(value: unknown): Scope['tables'][number] | null {
  if (!isRecord(value) || typeof value.name !== 'string') return null;
  const { insert, update, delete: removed } = value;
  if (typeof insert !== 'number' || typeof update !== 'number' || typeof removed !== 'number') return null;
  return { name: value.name, insert, update, delete: removed };
}

/** From the journal; null before the step ran, or when it found nothing to compare with. */
export function scopeOf(state: IncidentState): Scope | null {
  const output = Object.values(state.tasks).find((task) => task.action === 'scope')?.output;
  if (!isRecord(output) || !Array.isArray(output.compared)) return null;
  const [newest]: unknown[] = output.compared;
  if (!isRecord(newest) || typeof newest.ref !== 'string' || !Array.isArray(newest.tables)) return null;
  const others = Array.isArray(output.others)
    ? output.others.flatMap((one: unknown) =>
        isRecord(one) && typeof one.slug === 'string' ? [one.slug] : [],
      )
    : null;
  const tables = newest.tables.flatMap((table: unknown) => tableOf(table) ?? []);
  return { ref: newest.ref, tables, others, incomplete: incompleteIn(output.lookedRound) };
}

const endings: Record<string, string> = {
  time: 'the time was up',
  skipped: 'it was cut short',
  'no-digests': 'only row counts are known',
};

function incompleteIn(round: unknown): string {
  return isRecord(round) && typeof round.ended === 'string' ? (endings[round.ended] ?? '') : '';
}

/** The tenant's rows per table now: those of the compared backup, less what is missing, plus what is new. */
export function rowsNow(scope: Scope | null, backups: BackupChoice[]): Record<string, number> | null {
  const rows = backups.find((backup) => backup.ref === scope?.ref)?.rows;
  if (!scope || !rows) return null;
  const now = { ...rows };
  for (const { name, insert, delete: added } of scope.tables)
    now[name] = (own(rows, name) ?? 0) - insert + added;
  return now;
}

/** One or two lines: what is damaged, and whether anybody else is hit. */
export function scopeLines(scope: Scope | null, width: number): Line[] {
  if (!scope) return [];
  const missing = scope.tables.filter((table) => table.insert > 0).sort((a, b) => b.insert - a.insert);
  const changed = scope.tables.filter((table) => table.update > 0);
  const pieces = [
    ...missing.map((table) => `${printable(table.name)} −${count(table.insert)}`),
    ...changed.map((table) => `${printable(table.name)} ~${count(table.update)}`),
  ];
  const others =
    scope.others === null
      ? span(' Other tenants could not be looked at.', 'warning')
      : scope.others.length === 0
        ? span(' No other tenant is seen to be hit in these tables.', scope.incomplete ? 'warning' : 'good')
        : span(` ALSO HIT: ${scope.others.map(printable).join(', ')}`, 'bad');
  return [
    fit(
      line(
        span(` Against ${printable(scope.ref)}: `, 'muted'),
        pieces.join(', ') || span('no difference. Is this the right tenant?', 'warning'),
      ),
      width,
    ),
    fit(line(others, scope.incomplete && span(` (${scope.incomplete})`, 'warning')), width),
  ];
}
