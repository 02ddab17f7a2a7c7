import type { PlanQuestion, PlanReview } from '../../actions/operator.ts';
import { own } from '../../engine/own.ts';
import type { Revival, RowEffect, TableEffects } from '../../engine/plan.ts';
import { printable } from '../../engine/printable.ts';
import { count, counted } from '../format.ts';
import { fit, pad, paragraph } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import type { Window } from '../window.ts';
import { byTouched, effectsReading } from './effects.ts';

/** The plan browser: tables, rows, columns; and what the operator left out. */

export type PlanEntry = { kind: 'table'; table: TableEffects } | { kind: 'revival'; revival: Revival };

/** Groups that would come back to life first, because they ask for a decision; then the tables. */
export function planEntries(question: PlanQuestion): PlanEntry[] {
  return [
    ...question.revivals.map((revival): PlanEntry => ({ kind: 'revival', revival })),
    ...byTouched(question.tables).map((table): PlanEntry => ({ kind: 'table', table })),
  ];
}

export function rowsTouched(table: TableEffects): number {
  return table.insert + table.update + table.delete;
}

export function toggleTable(review: PlanReview, table: string): PlanReview {
  const left = review.withoutTables.includes(table)
    ? review.withoutTables.filter((name) => name !== table)
    : [...review.withoutTables, table];
  return { ...review, withoutTables: left };
}

export function withKind(kinds: RowKinds, table: string, { key, kind }: RowEffect): RowKinds {
  return { ...kinds, [table]: { ...own(kinds, table), [key]: kind } };
}

export function toggleRow(review: PlanReview, table: string, key: string): PlanReview {
  const before = own(review.withoutRows, table) ?? [];
  const after = before.includes(key) ? before.filter((other) => other !== key) : [...before, key];
  const { [table]: _, ...others } = review.withoutRows;
  return { ...review, withoutRows: after.length === 0 ? others : { ...others, [table]: after } };
}

const decisions: Revival['decision'][] = ['restore', 'skip', 'set'];

export function decisionOn(review: PlanReview, revival: Revival): Revival['decision'] {
  return own(review.revivals, revival.table) ?? revival.decision;
}

/** The next decision for a group; `set` only where the config declares a value. */
export function nextDecision(review: PlanReview, revival: Revival): PlanReview {
  const allowed = decisions.filter((decision) => decision !== 'set' || revival.decision === 'set');
  const now = decisionOn(review, revival);
  const next = allowed[(allowed.indexOf(now) + 1) % allowed.length] ?? 'skip';
  return { ...review, revivals: { ...review.revivals, [revival.table]: next } };
}

/** What happens to each row that was ever unticked: table, then key. */
export type RowKinds = Readonly<Record<string, Readonly<Record<string, RowEffect['kind']>>>>;

/** The tables with what was unticked taken out, for the totals. */
export function reviewedTables(tables: TableEffects[], review: PlanReview, kinds: RowKinds): TableEffects[] {
  const kept = tables.filter((table) => !review.withoutTables.includes(table.name));
  return kept.map((table) => {
    const left = { ...table };
    for (const key of own(review.withoutRows, table.name) ?? []) {
      const kind = own(own(kinds, table.name), key);
      if (kind) left[kind] -= 1;
    }
    return left;
  });
}

const revivalWords: Record<Revival['review'], string> = {
  queue: 'unfinished work',
  credentials: 'credentials removed since',
  billing: 'billing',
};

const titles = ['live', 'backup', 'add', 'change', 'delete'];

/** Widths that the numbers of this plan need, and what they leave to the names. */
interface Columns {
  name: number;
  number: number;
}

function columnsFor(entries: PlanEntry[], width: number): Columns {
  const numbers = entries.flatMap((entry) => (entry.kind === 'table' ? numbersOf(entry.table) : []));
  const number = Math.max(7, ...numbers.map((text) => text.length + 1));
  // Box and cursor take seven cells, a note beside the numbers twelve.
  return { name: Math.max(10, Math.min(40, width - 19 - 5 * number)), number };
}

function numbersOf(table: TableEffects): string[] {
  return [table.live, table.backup, table.insert, table.update, table.delete].map(count);
}

function planHeading(columns: Columns, width: number): Line {
  const numbers = titles.map((title) => pad(title, columns.number, 'left')).join('');
  return fit(line(span(`       ${pad('table', columns.name)}${numbers}`, 'muted')), width);
}

function revivalLine(revival: Revival, review: PlanReview, marked: boolean, width: number): Line {
  const what = `${printable(revival.table)}: ${counted(revival.rows, 'row')}, ${revivalWords[revival.review]}`;
  const text = ` ${marked ? '▶' : ' '}  ?  ${pad(what, Math.min(60, width - 34))} come back to life? `;
  const decision = decisionOn(review, revival).toUpperCase();
  return fit(line(span(text, marked ? 'selected' : 'warning'), span(decision, 'strong')), width);
}

function tableLine(
  table: TableEffects,
  review: PlanReview,
  marked: boolean,
  columns: Columns,
  width: number,
): Line {
  const out = review.withoutTables.includes(table.name);
  const leftOut = own(review.withoutRows, table.name)?.length ?? 0;
  const untouched = rowsTouched(table) === 0;
  const box = untouched ? ' · ' : out ? '[ ]' : leftOut > 0 ? '[~]' : '[x]';
  const numbers = numbersOf(table)
    .map((text) => pad(text, columns.number, 'left'))
    .join('');
  const note = out
    ? 'left out'
    : leftOut > 0
      ? `${count(leftOut)} left out`
      : table.delete > 0
        ? 'newer rows'
        : '';
  const tone = marked ? 'selected' : out || untouched ? 'muted' : 'plain';
  const start = ` ${marked ? '▶' : ' '} ${box} ${pad(printable(table.name), columns.name)}${numbers}`;
  return fit(line(span(start, tone), span(note ? `  ${note}` : '', 'warning')), width);
}

/** Heading and the rows of the list that are in the window. */
export function planRows(
  entries: PlanEntry[],
  review: PlanReview,
  window: Window,
  width: number,
  rows: number,
): Line[] {
  const columns = columnsFor(entries, width);
  const shown = entries.slice(window.top, window.top + rows).map((entry, index) => {
    const marked = window.top + index === window.cursor;
    return entry.kind === 'revival'
      ? revivalLine(entry.revival, review, marked, width)
      : tableLine(entry.table, review, marked, columns, width);
  });
  return [planHeading(columns, width), ...shown];
}

/** What else the plan says: conflicts, drift, shared rows. Above the list, most serious first. */
export function planNotices(question: PlanQuestion, width: number): Line[] {
  const blocking = question.conflicts.filter((conflict) => conflict.blocking);
  const lines: Line[] = [];
  for (const conflict of blocking.slice(0, 3))
    lines.push(...paragraph(`Conflict: ${printable(conflict.detail)}`, width - 2, 'bad', 1));
  if (blocking.length > 3) lines.push(line(span(` and ${blocking.length - 3} more conflicts`, 'bad')));
  const mild = question.conflicts.length - blocking.length;
  if (mild > 0)
    lines.push(
      fit(
        line(
          span(
            ` ${counted(mild, 'conflict')} that do not stop the plan: ${question.conflicts
              .filter((one) => !one.blocking)
              .slice(0, 2)
              .map((one) => printable(one.detail))
              .join(' ')}`,
            'warning',
          ),
        ),
        width,
      ),
    );
  if (question.drift.length > 0)
    lines.push(
      fit(
        line(
          span(
            ` The structure changed since the backup: ${question.drift.map((drift) => printable(drift.detail)).join(' ')}`,
            'warning',
          ),
        ),
        width,
      ),
    );
  if (question.sharedNeeded.length > 0)
    lines.push(
      fit(
        line(
          span(
            ` ${counted(question.sharedNeeded.length, 'shared row')} needed by the slice are gone.`,
            'warning',
          ),
        ),
        width,
      ),
    );
  return lines;
}

/** The sum of what is ticked, for the line below the list. */
export function planTotals(question: PlanQuestion, review: PlanReview, kinds: RowKinds, width: number): Line {
  const kept = reviewedTables(question.tables, review, kinds);
  const rows = Object.entries(review.withoutRows)
    .filter(([table]) => !review.withoutTables.includes(table))
    .reduce((sum, [, keys]) => sum + keys.length, 0);
  const left = rows > 0 ? `, ${count(rows)} left out` : '';
  return fit(line(span(` ${question.mode}: ${effectsReading(kept)}${left}`, 'strong')), width);
}

const kinds = {
  insert: { mark: '+', word: 'add' },
  update: { mark: '~', word: 'change' },
  delete: { mark: '-', word: 'delete' },
} as const;

/** A key as people read it: ["7","de"] becomes 7, de. */
export function keyText(key: string): string {
  try {
    const parsed: unknown = JSON.parse(key);
    if (Array.isArray(parsed))
      return printable(
        parsed.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(', '),
      );
  } catch {
    // A table without a key gives a position and a hash, which is no JSON: shown as it is.
  }
  return printable(key);
}

export function rowLine(row: RowEffect | undefined, out: boolean, marked: boolean, width: number): Line {
  if (!row) return line(span('   …', 'muted'));
  const { mark, word } = kinds[row.kind];
  const columns = row.kind === 'update' ? `  ${row.columns.map(printable).join(', ')}` : '';
  const text = ` ${marked ? '▶' : ' '} ${out ? '[ ]' : '[x]'} ${mark} ${pad(word, 7)} ${pad(keyText(row.key), 30)}${columns}`;
  return fit(
    line(span(text, marked ? 'selected' : out ? 'muted' : row.kind === 'delete' ? 'bad' : 'plain')),
    width,
  );
}
