import type { ColumnChange, RowEffect } from '../../engine/plan.ts';
import { printable } from '../../engine/printable.ts';
import { fill, fit, pad, paragraph, wrap } from '../layout.ts';
import { type Line, line, span, type Tone } from '../line.ts';

/** One row, column by column: live beside backup. A long value goes on in further lines; nothing is cut. */
export function columnLines(row: RowEffect, width: number): Line[] {
  const changes = row.changes ?? [];
  if (changes.length === 0) {
    const text =
      row.kind === 'update' ? `changes ${row.columns.map(printable).join(', ')}` : 'no values to show';
    return paragraph(text, width - 3, 'muted', 3);
  }
  const name = Math.min(24, Math.max(6, ...changes.map((change) => change.column.length)));
  const half = Math.max(10, Math.floor((width - name - 8) / 2));
  const heading = line(
    span(`   ${pad('column', name)}  ${pad('live', half)}  ${pad('backup', half)}`, 'muted'),
  );
  return [
    fit(heading, width),
    ...changes.flatMap((change) => changeLines(row.kind, change, { name, half }, width)),
  ];
}

function changeLines(
  kind: RowEffect['kind'],
  change: ColumnChange,
  { name, half }: { name: number; half: number },
  width: number,
): Line[] {
  const differs = kind === 'update' && change.live !== change.backup;
  const live = kind === 'insert' ? [] : wrap(shown(change.live), half);
  const backup = kind === 'delete' ? [] : wrap(shown(change.backup), half);
  const liveTone: Tone = differs || kind === 'delete' ? 'bad' : 'muted';
  const backupTone: Tone = differs || kind === 'insert' ? 'good' : 'muted';
  return Array.from({ length: Math.max(1, live.length, backup.length) }, (_, at) => {
    const label =
      at === 0 ? `${differs ? ' ~ ' : '   '}${pad(printable(change.column), name)}  ` : ' '.repeat(name + 5);
    return fit(
      line(
        span(label, differs ? 'strong' : 'plain'),
        ...fill(line(span(live[at] ?? '', liveTone)), half),
        '  ',
        span(backup[at] ?? '', backupTone),
      ),
      width,
    );
  });
}

function shown(value: string | null | undefined): string {
  return value === null || value === undefined ? 'NULL' : printable(value);
}
