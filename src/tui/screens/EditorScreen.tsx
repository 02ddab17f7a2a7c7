import { useApp } from 'ink';
import { useState } from 'react';
import type { EditQuestion } from '../../actions/operator.ts';
import { printable } from '../../engine/printable.ts';
import { reasonOf } from '../../errors.ts';
import { useSurroundings } from '../components/context.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { editElsewhere, editorOf } from '../external-editor.ts';
import { disabled } from '../keys.ts';
import { fit, paragraph } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import { areaOf, cursorLine, editArea, insertText, shownLines, textOf } from '../text-area.ts';
import { editorLines, editorTop } from '../view/editor.ts';
import type { Inside } from './inside.ts';

interface Props extends Inside {
  question: Pick<EditQuestion, 'title' | 'text' | 'check'>;
  onKeep: (text: string) => void;
  onBack: () => void;
}

/** A text of several lines: edited here, or in the person's own editor. Needs no editor to be configured. */
export function EditorScreen({ header, area, left, active = true, question, onKeep, onBack, onQuit }: Props) {
  const { env } = useSurroundings();
  const { suspendTerminal } = useApp();
  const [text, setText] = useState(() => areaOf(question.text));
  const [top, setTop] = useState(0);
  const [problem, setProblem] = useState('');
  const [warned, setWarned] = useState(false);
  const width = area.columns;
  const editor = editorOf(env);
  const rows = Math.max(1, bodyRows(area, header) - 3);
  const shown = shownLines(text, width - 4);
  const at = cursorLine(text, shown);
  const shownTop = editorTop(top, at, rows);
  const now = textOf(text);
  const changed = now !== textOf(areaOf(question.text));
  const wrong = question.check?.(now) ?? null;

  const change = (next: typeof text): void => {
    setText(next);
    setTop(shownTop);
    setWarned(false);
    setProblem('');
  };
  const openElsewhere = async (words: string[]): Promise<void> => {
    try {
      let edited = now;
      await suspendTerminal(async () => {
        edited = await editElsewhere(now, words, env);
      });
      change(areaOf(edited));
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  const keys = useKeys(
    'editor',
    {
      keep: wrong === null ? () => onKeep(now) : disabled(wrong),
      open: editor ? () => void openElsewhere(editor) : disabled('neither VISUAL nor EDITOR is set'),
      edit: (key) => change(editArea(text, key, width - 4, rows)),
      back: () => (changed && !warned ? setWarned(true) : onBack()),
      quit: onQuit,
    },
    { width, left, guarded: true, active, onText: (more) => change(insertText(text, more)) },
  );
  const state = ((): Line[] => {
    if (problem) return paragraph(printable(problem), width - 2, 'bad', 1).slice(0, 2);
    if (warned) return [line(span(' esc again throws your changes away; ctrl+s keeps them.', 'warning'))];
    const place = ` line ${at + 1} of ${shown.length}${changed ? ' · changed' : ''}`;
    return [line(span(place, 'muted'), wrong !== null && span(` · ${wrong}`, 'warning'))];
  })();
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          fit(line(span(` ${printable(question.title)}`, 'strong')), width),
          ...editorLines(text, shown, shownTop, rows, width),
          ...state.map((part) => fit(part, width)),
        ]}
      />
    </Screen>
  );
}
