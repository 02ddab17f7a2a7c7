import type { Question } from '../../actions/operator.ts';
import type { IncidentState } from '../../incident/records.ts';
import { isBusy, type RunnerView } from '../../runbook/view.ts';
import { useSurroundings } from '../components/context.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { disabled, type Handler } from '../keys.ts';
import { beside, fit, rule, wideFrom } from '../layout.ts';
import { blank, type Line, line } from '../line.ts';
import { detailLines, progressLine, proposalLine, stepPlace, stepViews } from '../view/run.ts';
import { stepColumn, stepLines, stepReading } from '../view/steps.ts';
import type { Inside, Overlay } from './inside.ts';

interface Props extends Inside {
  state: IncidentState;
  view: RunnerView;
  /** Of the activity mark; it turns while something runs. */
  frame: number;
  /** Answers a proceed question. */
  onAnswer: (value: string) => void;
  onOpen: (overlay: Overlay) => void;
}

function answerable(
  question: Question | null,
  value: string,
  otherwise: string,
  onAnswer: (value: string) => void,
): Handler {
  if (question?.kind !== 'choose') return disabled(otherwise);
  const option = question.options.find((candidate) => candidate.value === value);
  if (!option) return disabled('not possible here');
  return option.disabled ? disabled(option.disabled) : () => onAnswer(value);
}

/** Steps above, what happens now below; beside each other where there is room. */
export function RunScreen({
  header,
  area,
  active = true,
  state,
  view,
  frame,
  onAnswer,
  onOpen,
  onQuit,
}: Props) {
  const { theme, now } = useSurroundings();
  const width = area.columns;
  const steps = stepViews(state, view.step, now().toISOString());
  const question =
    view.question?.kind === 'choose' && view.question.view?.kind === 'proceed' ? view.question : null;
  const busy = isBusy(view);
  const wait = busy ? 'the step is running' : 'nothing is waiting for an answer';
  const keys = useKeys(
    'run',
    {
      go: answerable(question, 'go', wait, onAnswer),
      skip: view.skippable ? view.skippable.skip : answerable(question, 'skip', wait, onAnswer),
      preview: view.preview || question ? () => onOpen('preview') : disabled('nothing to preview yet'),
      output: () => onOpen('output'),
      note: () => onOpen('note'),
      message: () => onOpen('message'),
      times: () => onOpen('times'),
      handOver: busy ? disabled('wait for the running step to end') : () => onOpen('handOver'),
      quit: onQuit,
    },
    { width, left: stepPlace(steps), guarded: question !== null, active },
  );
  const body = bodyRows(area, header);
  if (theme.screenReader) {
    return (
      <Screen area={area} header={header} keys={keys}>
        <Lines
          lines={[
            ...steps.map((step) => line(stepReading(step))),
            ...detailLines(view, state, width, 40),
            proposalLine(view, width),
          ]}
        />
      </Screen>
    );
  }
  const last = busy
    ? progressLine(view.progress, frame, isRestoring(view, state), width, view.skippable?.what)
    : proposalLine(view, width);
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines lines={width >= wideFrom ? wide() : narrow()} />
    </Screen>
  );

  function narrow(): Line[] {
    const stepRows = Math.min(steps.length, Math.max(3, Math.floor(body * 0.3)));
    const detailRows = Math.max(1, body - stepRows - 2);
    const detail = detailLines(view, state, width, detailRows);
    return [
      ...stepLines(steps, width, stepRows),
      line(' ', ...rule(width - 2)),
      ...filled(detail, detailRows),
      last,
    ];
  }

  function wide(): Line[] {
    const left = 46;
    const right = width - left - 3;
    return [
      ...beside(
        filled(stepColumn(steps, left), body - 1),
        detailLines(view, state, right, body - 1),
        left,
        width,
      ),
      fit(last, width),
    ];
  }
}

export function isRestoring(view: RunnerView, state: IncidentState): boolean {
  return view.task !== null && state.tasks[view.task]?.action?.startsWith('restore') === true;
}

function filled(lines: Line[], rows: number): Line[] {
  return [...lines.slice(0, rows), ...Array.from({ length: Math.max(0, rows - lines.length) }, () => blank)];
}
