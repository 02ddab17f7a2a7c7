import { useState } from 'react';
import { type PlanQuestion, type PlanReview, wholePlan } from '../../actions/operator.ts';
import { own } from '../../engine/own.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { backOr, disabled } from '../keys.ts';
import { fit } from '../layout.ts';
import { line, span } from '../line.ts';
import {
  nextDecision,
  planEntries,
  planNotices,
  planRows,
  planTotals,
  type RowKinds,
  reviewedTables,
  rowsTouched,
  toggleRow,
  toggleTable,
  withKind,
} from '../view/plan.ts';
import { entryDetail } from '../view/plan-detail.ts';
import { listWidth, withDetail } from '../view/side.ts';
import { firstMarked, moveWindow, settle } from '../window.ts';
import { anytime, type Inside } from './inside.ts';
import { RowsScreen } from './RowsScreen.tsx';

interface Props extends Inside {
  question: PlanQuestion;
  /** Undefined where the plan is only looked at. */
  onAnswer?: (review: PlanReview) => void;
  /** Undefined where the question must be answered. */
  onBack?: () => void;
}

/** The plan browser: tables with their effects; tables and single rows can be left out. */
export function PlanScreen({
  header,
  area,
  left,
  active = true,
  onOpen,
  question,
  onAnswer,
  onBack,
  onQuit,
}: Props) {
  const [review, setReview] = useState(wholePlan);
  const [window, setWindow] = useState(firstMarked);
  const [kinds, setKinds] = useState<RowKinds>({});
  const [open, setOpen] = useState<string | null>(null);
  const width = area.columns;
  const entries = planEntries(question);
  const notices = planNotices(question, width).slice(0, 4);
  const rows = Math.max(1, bodyRows(area, header) - notices.length - 3);
  const shown = settle(window, entries.length, rows);
  const entry = entries[shown.cursor];
  const blocked = question.conflicts.some((conflict) => conflict.blocking);
  const nothing = reviewedTables(question.tables, review, kinds).every((table) => rowsTouched(table) === 0);
  const keys = useKeys(
    'plan',
    {
      move: (key) => setWindow(moveWindow(shown, key, entries.length, rows)),
      open:
        entry?.kind === 'table' && rowsTouched(entry.table) > 0
          ? () => setOpen(entry.table.name)
          : disabled(
              entry?.kind === 'revival' ? 'space changes the decision' : 'no row of this table changes',
            ),
      toggle: () => {
        if (entry?.kind === 'revival') setReview(nextDecision(review, entry.revival));
        else if (entry) setReview(toggleTable(review, entry.table.name));
      },
      accept: !onAnswer
        ? disabled('this is only a look at the plan')
        : blocked && review === wholePlan
          ? disabled('a conflict stops this plan; space leaves its table out')
          : nothing
            ? disabled('everything is left out: nothing would change')
            : () => onAnswer(review),
      back: backOr(onBack),
      quit: onQuit,
      ...anytime({ onOpen }),
    },
    { width, left, guarded: true, active: active && open === null },
  );
  const table = question.tables.find((candidate) => candidate.name === open);
  if (table) {
    return (
      <RowsScreen
        header={header}
        area={area}
        left={left}
        active={active}
        table={table}
        effects={question.effects}
        out={review.withoutTables.includes(table.name) ? 'all' : (own(review.withoutRows, table.name) ?? [])}
        onToggle={(row) => {
          setKinds((value) => withKind(value, table.name, row));
          setReview((value) => toggleRow(value, table.name, row.key));
        }}
        onBack={() => setOpen(null)}
        onQuit={onQuit}
      />
    );
  }
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          fit(line(span(` ${question.title}`, 'strong')), width),
          ...notices,
          ...withDetail(planRows(entries, review, shown, listWidth(width), rows), width, rows + 1, (right) =>
            entryDetail(entry, review, right),
          ),
          planTotals(question, review, kinds, width),
        ]}
      />
    </Screen>
  );
}
