import type { ConfirmQuestion, Stakes } from '../../actions/operator.ts';
import { isPhrase, spellingNote } from '../../actions/phrase.ts';
import { printable } from '../../engine/printable.ts';
import { aroundCursor, type Field } from '../field.ts';
import { count, dateTime, inWords } from '../format.ts';
import { clip, fit, paragraph, take, widthOf } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';

/** The typed confirmation, with what is at stake (promise 5). */

const two = (label: string, value: Line | string, width: number): Line =>
  fit(
    line(
      span(` ${label.padEnd(13)}`, 'muted'),
      ...(typeof value === 'string' ? [span(value, 'plain')] : value),
    ),
    width,
  );

type StakesTable = Stakes['tables'][number];

function tableLine(label: string, name: string, table: Omit<StakesTable, 'name'>, width: number): Line {
  return two(
    label,
    line(
      `${name}: ${count(table.insert)} added, ${count(table.update)} changed, `,
      span(`${count(table.delete)} deleted`, table.delete > 0 ? 'bad' : 'plain'),
    ),
    width,
  );
}

/** Rows per table, what is deleted first; what does not fit is summed in the last line. */
function tableLines(tables: StakesTable[], width: number, rows: number): Line[] {
  const touched = tables
    .filter((table) => table.insert + table.update + table.delete > 0)
    .sort((a, b) => b.delete - a.delete || b.update - a.update || b.insert - a.insert);
  const shown = touched.length <= rows ? touched : touched.slice(0, Math.max(1, rows - 1));
  const rest = touched.slice(shown.length);
  const sum = (pick: 'insert' | 'update' | 'delete'): number =>
    rest.reduce((total, table) => total + table[pick], 0);
  return [
    ...shown.map((table, index) => tableLine(index === 0 ? 'rows' : '', printable(table.name), table, width)),
    ...(rest.length > 0
      ? [
          tableLine(
            '',
            `${rest.length} more tables`,
            { insert: sum('insert'), update: sum('update'), delete: sum('delete') },
            width,
          ),
        ]
      : []),
  ];
}

/**
 * The blast radius: database, environment, names, tier, age of the backup, what cannot be undone, and rows per
 * table in as many lines as are left of `rows`.
 */
export function stakesLines(stakes: Stakes, width: number, rows: number): Line[] {
  const { database, tenants, tables, backup } = stakes;
  const location = clip(printable(database.location), Math.max(10, width - 30 - widthOf(database.name)));
  const lines: Line[] = [
    two('database', line(span(printable(database.name), 'strong'), ` @ ${location}`), width),
    two('environment', line(span(printable(database.environment), 'strong')), width),
  ];
  for (const tenant of tenants.slice(0, 5)) {
    const identity = ` (${printable(tenant.slug)}, id ${printable(tenant.id)}) `;
    const name = clip(printable(tenant.name), Math.max(12, width - 30 - widthOf(identity)));
    lines.push(
      two('tenant', line(span(name, 'strong'), identity, span(tenant.tier.toUpperCase(), 'accent')), width),
    );
  }
  if (tenants.length > 5) lines.push(two('', `and ${tenants.length - 5} more tenants`, width));
  if (backup) {
    const age = backup.ageSeconds === null ? 'age unknown' : `${inWords(backup.ageSeconds)} old`;
    const taken = backup.takenAt ? dateTime(backup.takenAt) : 'time unknown';
    lines.push(two('backup', `${taken}, ${age} · ${printable(backup.ref)}`, width));
  }
  for (const sentence of stakes.cannotBeUndone) {
    const [first, ...rest] = paragraph(printable(sentence), width - 15, 'warning');
    lines.push(
      two('no way back', first ?? blank, width),
      ...rest.map((part) => line('              ', ...part)),
    );
  }
  return [...lines, ...tableLines(tables, width, Math.max(3, rows - lines.length))];
}

/** A line being typed, with its cursor; a long one shows the end around the cursor. */
export function fieldLine(field: Field, width: number, prompt = ' › '): Line {
  const { before, under, after } = aroundCursor(field);
  const room = width - widthOf(prompt) - 2;
  let start = before;
  while (widthOf(start) > room && start !== '')
    start = start.slice(Math.max(1, take(start, widthOf(start) - room).length));
  const rest = take(after, Math.max(0, room - widthOf(start)));
  return fit(
    line(span(prompt, 'accent'), printable(start), span(printable(under), 'selected'), printable(rest)),
    width,
  );
}

/** Everything above the input line, laid out for so many rows; it may need more, and then scrolls. */
export function confirmLines(question: ConfirmQuestion, width: number, rows: number): Line[] {
  const { stakes } = question.preview;
  const head = [
    line(span(` ${printable(question.title)}`, 'bad')),
    ...question.detail.flatMap((text) => paragraph(printable(text), width - 1, 'plain', 1)),
  ];
  return [...head, ...(stakes ? stakesLines(stakes, width, rows - head.length) : [])];
}

/** What the typed text still lacks, said without giving anything away but the phrase itself. */
export function confirmHint(typed: string, phrase: string, width: number): Line {
  if (isPhrase(typed, phrase))
    return fit(line(span(' It matches: enter confirms, esc cancels.', 'good')), width);
  const shown = printable(phrase);
  const ask = line(' Type ', span(shown, 'strong'), ' to go on');
  const note = spellingNote(phrase) || 'y or enter alone do nothing';
  if (typed === '') return fit(line(...ask, span(` (${note})`, 'muted')), width);
  if (typed.trim() === shown) return fit(line(...ask, span(': there is a space too many', 'warning')), width);
  if (typed.toLowerCase() === shown.toLowerCase())
    return fit(line(...ask, span(': upper and lower case count', 'warning')), width);
  if (shown.startsWith(typed)) return fit(ask, width);
  return fit(line(...ask, span(': this is something else', 'warning')), width);
}
