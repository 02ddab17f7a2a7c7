import { useState } from 'react';
import type { IncidentState } from '../../incident/records.ts';
import type { RunResult } from '../../runbook/view.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { finishedLines } from '../view/finished.ts';
import type { HeaderModel } from '../view/header.ts';
import { scrollTop } from '../window.ts';
import type { Inside, Overlay } from './inside.ts';

interface Props extends Inside {
  state: IncidentState;
  model: HeaderModel;
  outcome: RunResult;
  onOpen: (overlay: Overlay) => void;
  onClose: () => void;
}

/** The end of a run. The same summary is printed to the terminal once the screen is gone. */
export function FinishedScreen({
  header,
  area,
  active = true,
  state,
  model,
  outcome,
  onOpen,
  onClose,
}: Props) {
  const [top, setTop] = useState(0);
  const lines = finishedLines(state, model, outcome, area.columns);
  const rows = bodyRows(area, header);
  const keys = useKeys(
    'finished',
    {
      scroll: (key) => setTop(scrollTop(top, key, lines.length, rows)),
      output: () => onOpen('output'),
      message: () => onOpen('message'),
      times: () => onOpen('times'),
      quit: onClose,
    },
    { width: area.columns, guarded: true, active },
  );
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines lines={lines.slice(top, top + rows)} />
    </Screen>
  );
}
