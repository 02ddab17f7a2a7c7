import { useEffect, useState } from 'react';
import type { RowEffect, TableEffects } from '../../engine/plan.ts';
import type { EffectsPage } from '../../engine/port.ts';
import { printable } from '../../engine/printable.ts';
import { reasonOf } from '../../errors.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { count } from '../format.ts';
import { disabled } from '../keys.ts';
import { fit } from '../layout.ts';
import { line, span } from '../line.ts';
import { keyText, rowLine, rowsTouched } from '../view/plan.ts';
import { columnLines } from '../view/row.ts';
import { listWidth, withDetail } from '../view/side.ts';
import { firstMarked, moveWindow, settle } from '../window.ts';
import type { Inside } from './inside.ts';
import { TextScreen } from './TextScreen.tsx';

const pageSize = 100;

interface Props extends Inside {
  table: TableEffects;
  effects: (page: EffectsPage) => Promise<RowEffect[]>;
  /** Keys left out, or the whole table. */
  out: readonly string[] | 'all';
  onToggle: (row: RowEffect) => void;
  onBack: () => void;
}

/** The rows of one table, fetched a page at a time; a row opens column by column. */
export function RowsScreen({
  header,
  area,
  left,
  active = true,
  table,
  effects,
  out,
  onToggle,
  onBack,
  onQuit,
}: Props) {
  const [pages, setPages] = useState<ReadonlyMap<number, RowEffect[]>>(new Map());
  const [problem, setProblem] = useState('');
  const [window, setWindow] = useState(firstMarked);
  const [open, setOpen] = useState<RowEffect | null>(null);
  const width = area.columns;
  const total = rowsTouched(table);
  const rows = Math.max(1, bodyRows(area, header) - 1);
  const shown = settle(window, total, rows);
  const first = Math.floor(shown.top / pageSize);
  const last = Math.floor((shown.top + rows - 1) / pageSize);

  useEffect(() => {
    let gone = false;
    for (const page of first === last ? [first] : [first, last]) {
      if (pages.has(page) || page * pageSize >= total) continue;
      effects({ table: table.name, offset: page * pageSize, limit: pageSize, withValues: true }).then(
        (fetched) => {
          if (!gone) setPages((value) => new Map(value).set(page, fetched));
        },
        (error: unknown) => {
          if (!gone) setProblem(reasonOf(error));
        },
      );
    }
    return () => {
      gone = true;
    };
  }, [first, last, pages, effects, table.name, total]);

  const rowAt = (index: number): RowEffect | undefined =>
    pages.get(Math.floor(index / pageSize))?.[index % pageSize];
  const marked = rowAt(shown.cursor);
  const keys = useKeys(
    'rows',
    {
      move: (key) => setWindow(moveWindow(shown, key, total, rows)),
      open: marked ? () => setOpen(marked) : disabled('the row is still being read'),
      toggle:
        out === 'all'
          ? disabled('the whole table is left out')
          : marked
            ? () => onToggle(marked)
            : disabled('the row is still being read'),
      back: onBack,
      quit: onQuit,
    },
    { width, left, active: active && open === null },
  );
  if (open) {
    return (
      <TextScreen
        header={header}
        area={area}
        title={`${printable(table.name)} ${keyText(open.key)}: ${open.kind}`}
        active={active}
        lines={columnLines(open, width)}
        onBack={() => setOpen(null)}
        onQuit={onQuit}
      />
    );
  }
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          fit(
            line(
              span(` ${printable(table.name)}`, 'strong'),
              span(` · row ${count(shown.cursor + 1)} of ${count(total)}`, 'muted'),
              problem && span(` · ${printable(problem)}`, 'bad'),
            ),
            width,
          ),
          ...withDetail(
            Array.from({ length: Math.min(rows, total - shown.top) }, (_, index) => {
              const row = rowAt(shown.top + index);
              const isOut = out === 'all' || (row !== undefined && out.includes(row.key));
              return rowLine(row, isOut, shown.top + index === shown.cursor, listWidth(width));
            }),
            width,
            rows,
            (right) => (marked ? columnLines(marked, right) : []),
          ),
        ]}
      />
    </Screen>
  );
}
