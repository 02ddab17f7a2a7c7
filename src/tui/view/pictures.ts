import { own } from '../../engine/own.ts';
import { printable } from '../../engine/printable.ts';
import { count, dateTime, hourMinute, inWords, limit } from '../format.ts';
import { bar, fit, pad, widthOf } from '../layout.ts';
import { type Line, line, span, type Tone } from '../line.ts';

/** Pictures, each with a reading that says the same in words (design section 6). */

export interface Picture {
  lines: Line[];
  reading: string;
}

/** Rows of a tenant at one moment; `rows` per table where the manifest tells. */
export interface CountsAt {
  takenAt: string;
  rows: Record<string, number>;
}

const levels = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/**
 * Row counts per table across backups, oldest left, with the damage time drawn in: the cliff shows the last
 * good backup. Each table is drawn against its own highest count. `now` are the live counts, last column. Without a
 * damage time the oldest and the newest backup stand at the ends.
 */
export function cliff(
  history: CountsAt[],
  damagedAt: string | null,
  now: Record<string, number> | null,
  width: number,
  rows: number,
): Picture {
  const sorted = [...history].sort((a, b) => a.takenAt.localeCompare(b.takenAt));
  const tables = new Set(sorted.flatMap((at) => Object.keys(at.rows)));
  const nameWidth = Math.min(22, Math.max(5, ...[...tables].map((name) => widthOf(printable(name)))));
  const numberWidth = 9;
  const room = Math.max(4, width - nameWidth - 2 * numberWidth - 6);
  const shown = sorted.slice(-room);
  const isBefore = (at: CountsAt): boolean => damagedAt === null || at.takenAt <= damagedAt;
  const before = shown.filter(isBefore).length;
  const last = shown[shown.length - 1];
  const lastGood = damagedAt === null ? shown[0] : shown.findLast(isBefore);
  const names = [...new Set(shown.flatMap((at) => Object.keys(at.rows)))];
  const fall = (name: string): number =>
    (lastGood?.rows[name] ?? 0) - (now ? (own(now, name) ?? 0) : (last?.rows[name] ?? 0));
  names.sort((a, b) => Math.abs(fall(b)) - Math.abs(fall(a)) || a.localeCompare(b));
  const drawn = names.slice(0, Math.max(1, rows - 2));
  const spark = (name: string): { left: string; right: string } => {
    const highest = Math.max(1, ...shown.map((at) => at.rows[name] ?? 0), own(now, name) ?? 0);
    const cells = shown.map((at) => {
      const value = at.rows[name] ?? 0;
      return value === 0 ? ' ' : (levels[Math.min(7, Math.ceil((value / highest) * 8) - 1)] ?? ' ');
    });
    return { left: cells.slice(0, before).join(''), right: cells.slice(before).join('') };
  };
  const heading = line(
    span(
      damagedAt === null
        ? ` ${pad('table', nameWidth)} ${pad('oldest', numberWidth, 'left')}  ${pad('backups', shown.length + 1)} ${pad('newest', numberWidth, 'left')}`
        : ` ${pad('table', nameWidth)} ${pad('before', numberWidth, 'left')}  ${pad('backups, damage at │', shown.length + 1)} ${pad('now', numberWidth, 'left')}`,
      'muted',
    ),
  );
  const newest = (name: string): string => {
    const counted = damagedAt === null ? last?.rows : now;
    return counted ? count(counted[name] ?? 0) : '?';
  };
  const lines = drawn.map((name): Line => {
    const { left, right } = spark(name);
    const lost = fall(name);
    return fit(
      line(
        ` ${pad(printable(name), nameWidth)} ${pad(count(lastGood?.rows[name] ?? 0), numberWidth, 'left')}  `,
        span(left, 'good'),
        damagedAt === null ? ' ' : span('│', 'bad'),
        span(right, 'warning'),
        span(` ${pad(newest(name), numberWidth, 'left')}`, lost > 0 ? 'bad' : 'plain'),
      ),
      width,
    );
  });
  const first = shown[0];
  const axis = line(
    span(
      first && last
        ? ` ${shown.length} backups, ${dateTime(first.takenAt)} to ${dateTime(last.takenAt)}${damagedAt === null ? '' : ` · damage ${dateTime(damagedAt)}`}${names.length > drawn.length ? ` · ${names.length - drawn.length} more tables` : ''}`
        : ' no backup with row counts',
      'muted',
    ),
  );
  const fallen = names.filter((name) => fall(name) > 0);
  const counts = (name: string): string =>
    `${printable(name)} (${count(lastGood?.rows[name] ?? 0)} to ${count((now ?? last?.rows)?.[name] ?? 0)})`;
  const more = fallen.length > 5 ? ` and ${fallen.length - 5} more` : '';
  const fewer =
    fallen.length === 0 ? '' : `Fewer rows since in ${fallen.slice(0, 5).map(counts).join(', ')}${more}.`;
  const reading = !lastGood
    ? 'No backup with row counts from before the damage.'
    : `${damagedAt === null ? 'Oldest backup' : 'Last backup before the damage'}: ${dateTime(lastGood.takenAt)}. ${fewer || 'No table has fewer rows since.'}`;
  return { lines: [fit(heading, width), ...lines, fit(axis, width)], reading };
}

export interface Moments {
  backupAt: string | null;
  damagedAt: string;
  detectedAt: string;
  now: string;
  /** Since detection; a clock that was set back does not shorten it. */
  elapsedSeconds: number;
  rpoSeconds: number | null;
}

/** A time line of last backup, damage, detected and now, with the RPO window before the damage. */
export function timeLine(moments: Moments, width: number): Picture {
  const marks = [
    ...(moments.backupAt ? [{ at: moments.backupAt, mark: 'B', word: 'backup', tone: 'good' as Tone }] : []),
    { at: moments.damagedAt, mark: 'D', word: 'damage', tone: 'bad' as Tone },
    { at: moments.detectedAt, mark: 'S', word: 'seen', tone: 'warning' as Tone },
    { at: moments.now, mark: 'N', word: 'now', tone: 'accent' as Tone },
  ].sort((a, b) => a.at.localeCompare(b.at));
  const times = marks.map((mark) => Date.parse(mark.at));
  const damage = Date.parse(moments.damagedAt);
  const windowStart = moments.rpoSeconds === null ? damage : damage - moments.rpoSeconds * 1000;
  const last = Math.max(...times);
  // A long window would squeeze everything else to the right: it is cut where the oldest mark stands.
  const from = Math.min(...times, Math.max(windowStart, damage - 3 * Math.max(1, last - Math.min(...times))));
  const size = Math.max(10, width - 2);
  const place = (time: number): number => Math.round(((time - from) / Math.max(1, last - from)) * (size - 1));
  const cells: { text: string; tone: Tone }[] = Array.from({ length: size }, (_, cell) => {
    const inWindow = cell >= place(Math.max(windowStart, from)) && cell <= place(damage);
    return inWindow ? { text: '═', tone: 'accent' } : { text: '─', tone: 'muted' };
  });
  let next = 0;
  for (const mark of marks) {
    // Marks of nearly the same moment stand beside each other, in their order.
    const cell = Math.min(size - 1, Math.max(next, place(Date.parse(mark.at))));
    cells[cell] = { text: mark.mark, tone: mark.tone };
    next = cell + 1;
  }
  const legend = marks.map((mark) => `${mark.mark} ${mark.word} ${hourMinute(mark.at)}`).join(' · ');
  const rpo = moments.rpoSeconds === null ? '' : ` · ═ RPO ${limit(moments.rpoSeconds)}`;
  const age = moments.backupAt ? (damage - Date.parse(moments.backupAt)) / 1000 : null;
  const reading = [
    age === null
      ? 'No backup chosen yet.'
      : `The backup is from ${dateTime(moments.backupAt ?? '')}, ${inWords(Math.abs(age))} ${age >= 0 ? 'before' : 'after'} the damage at ${hourMinute(moments.damagedAt)}.`,
    `Detected ${hourMinute(moments.detectedAt)}, ${inWords(moments.elapsedSeconds)} ago.`,
    moments.rpoSeconds !== null && age !== null
      ? `The RPO window is ${limit(moments.rpoSeconds)}: ${age >= 0 && age <= moments.rpoSeconds ? 'met' : 'missed'}.`
      : '',
  ]
    .join(' ')
    .trim();
  return {
    lines: [
      fit(line(' ', ...cells.map((cell) => span(cell.text, cell.tone))), width),
      fit(line(span(` ${legend}${rpo}`, 'muted')), width),
    ],
    reading,
  };
}

/** One sample of writes into the slice after suspension. */
export interface WriteSample {
  /** Changes seen in the interval. */
  writes: number;
  tables: string[];
}

/** Writes per interval after suspension, falling to zero. */
export function writesPicture(samples: WriteSample[], width: number): Picture {
  const shown = samples.slice(-Math.max(1, width - 26));
  const highest = Math.max(1, ...shown.map((sample) => sample.writes));
  const bars = shown
    .map((sample) =>
      sample.writes === 0 ? '·' : (levels[Math.ceil((sample.writes / highest) * 8) - 1] ?? '█'),
    )
    .join('');
  const last = samples[samples.length - 1];
  const state = !last
    ? 'no sample yet'
    : last.writes === 0
      ? 'still'
      : `${count(last.writes)} in the last interval: ${last.tables.map(printable).join(', ')}`;
  return {
    lines: [
      fit(
        line(' writes per interval  ', span(bars, last?.writes === 0 ? 'good' : 'warning'), `  ${state}`),
        width,
      ),
    ],
    reading: `Writes per interval: ${shown.map((sample) => sample.writes).join(', ') || 'none measured'}; ${state}.`,
  };
}

export interface BudgetPart {
  title: string;
  seconds: number;
  done: boolean;
}

/** The RTO budget: what each counting step used or needs, against the limit. */
export function budgetPicture(parts: BudgetPart[], limitSeconds: number | null, width: number): Picture {
  const total = parts.reduce((sum, part) => sum + part.seconds, 0);
  const scale = Math.max(total, limitSeconds ?? 0, 1);
  const titleWidth = Math.min(28, Math.max(8, ...parts.map((part) => widthOf(part.title))));
  const room = Math.max(6, width - titleWidth - 16);
  const lines = parts.map((part): Line => {
    const size = Math.max(part.seconds > 0 ? 1 : 0, Math.round((part.seconds / scale) * room));
    return fit(
      line(
        ` ${pad(part.title, titleWidth)} `,
        span((part.done ? '▓' : '░').repeat(size), part.done ? 'good' : 'accent'),
        ` ${inWords(part.seconds)}`,
      ),
      width,
    );
  });
  if (limitSeconds !== null) {
    lines.push(
      fit(
        line(
          ` ${pad('RTO', titleWidth)} `,
          span(bar(1, Math.round((limitSeconds / scale) * room)), total > limitSeconds ? 'bad' : 'good'),
          ` ${inWords(limitSeconds)}`,
        ),
        width,
      ),
    );
  }
  const over = limitSeconds !== null && total > limitSeconds;
  return {
    lines,
    reading: `${parts.map((part) => `${part.title}: ${inWords(part.seconds)}${part.done ? ', done' : ''}`).join('; ')}. Together ${inWords(total)}${limitSeconds === null ? ', no limit' : `, ${over ? `${inWords(total - limitSeconds)} over` : 'within'} the RTO of ${inWords(limitSeconds)}`}.`,
  };
}
