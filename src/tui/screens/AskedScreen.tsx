import type { Question } from '../../actions/operator.ts';
import { printable } from '../../engine/printable.ts';
import { bodyRows } from '../components/Screen.tsx';
import { count } from '../format.ts';
import { paragraph } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import type { Asked } from '../operator.ts';
import { effectsReading, effectsTable } from '../view/effects.ts';
import type { Scope } from '../view/scope.ts';
import { BackupsScreen } from './BackupsScreen.tsx';
import { ChecklistScreen } from './ChecklistScreen.tsx';
import { ChoiceScreen } from './ChoiceScreen.tsx';
import { ConfirmScreen } from './ConfirmScreen.tsx';
import { EditorScreen } from './EditorScreen.tsx';
import type { Inside } from './inside.ts';
import { PlanScreen } from './PlanScreen.tsx';
import { QuestionScreen } from './QuestionScreen.tsx';

interface Props extends Inside {
  asked: Asked;
  scope: Scope | null;
}

/** A question of the run on a screen of its own. */
export function AskedScreen({ asked, scope, ...inside }: Props) {
  const { question, answer } = asked;
  const onBack = asked.back ?? undefined;
  switch (question.kind) {
    case 'confirm':
      return <ConfirmScreen {...inside} question={question} onAnswer={answer} />;
    case 'ask':
    case 'reason':
      return <QuestionScreen {...inside} question={question} onAnswer={answer} onBack={onBack} />;
    case 'edit':
      return (
        <EditorScreen {...inside} question={question} onKeep={answer} onBack={onBack ?? inside.onQuit} />
      );
    case 'checklist':
      return <ChecklistScreen {...inside} question={question} onAnswer={answer} />;
    case 'plan':
      return <PlanScreen {...inside} question={question} onAnswer={answer} onBack={onBack} />;
    case 'choose':
      if (question.view?.kind === 'backups') {
        return (
          <BackupsScreen
            {...inside}
            title={printable(question.title)}
            problem={question.view.problem}
            damagedAt={question.view.damagedAt}
            backups={question.view.backups}
            scope={scope}
            onTake={answer}
            onBack={onBack}
          />
        );
      }
      return <PlainChoice {...inside} question={question} onAnswer={answer} onBack={onBack} />;
  }
}

type ChooseQuestion = Extract<Question, { kind: 'choose' }>;

/** Options in a list; beside the marked restore mode, what it would do table by table. */
function PlainChoice({
  question,
  onAnswer,
  onBack,
  ...inside
}: Inside & { question: ChooseQuestion; onAnswer: (value: string) => void; onBack?: () => void }) {
  const { view } = question;
  const width = inside.area.columns;
  const lines: Line[] = [];
  if (view?.kind !== 'failed')
    lines.push(...question.detail.flatMap((text) => paragraph(printable(text), width - 2, 'plain', 1)));
  else {
    lines.push(...paragraph(printable(view.message), width - 2, 'bad', 1));
    if (view.hint) lines.push(...paragraph(printable(view.hint), width - 2, 'plain', 1));
    if (view.ifItFails) lines.push(...paragraph(printable(view.ifItFails), width - 2, 'warning', 1));
  }
  const rows = Math.max(0, bodyRows(inside.area, inside.header) - lines.length - question.options.length - 6);
  const detail = (value: string | null): Line[] => {
    const mode =
      view?.kind === 'modes' ? view.modes.find((candidate) => candidate.mode === value) : undefined;
    if (!mode) return [];
    const kept = mode.kept > 0 ? `, leaves ${count(mode.kept)} that differ` : '';
    return [
      ...paragraph(`${printable(mode.mode)}: ${effectsReading(mode.tables)}${kept}.`, width - 2, 'strong', 1),
      ...effectsTable(mode.tables, width, Math.max(3, rows)),
    ];
  };
  return (
    <ChoiceScreen
      {...inside}
      title={printable(question.title)}
      lines={lines}
      options={question.options.map((option) => ({
        value: option.value,
        label: line(
          span(printable(option.label), 'strong'),
          option.detail ? `  ${printable(option.detail)}` : null,
        ),
        disabled: option.disabled,
      }))}
      onAnswer={onAnswer}
      onBack={onBack}
      detail={view?.kind === 'modes' ? detail : undefined}
    />
  );
}
