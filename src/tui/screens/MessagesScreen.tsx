import { useEffect, useState } from 'react';
import { printable } from '../../engine/printable.ts';
import { reasonOf } from '../../errors.ts';
import type { Audience, MessageKind } from '../../incident/facts.ts';
import { checkEdited, type Draft, editableText, withEdited } from '../../incident/messages.ts';
import type { IncidentState } from '../../incident/records.ts';
import { hourMinute } from '../format.ts';
import { paragraph } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';
import { ChoiceScreen } from './ChoiceScreen.tsx';
import { EditorScreen } from './EditorScreen.tsx';
import type { Inside } from './inside.ts';
import { QuestionScreen } from './QuestionScreen.tsx';
import { TextScreen } from './TextScreen.tsx';

/** What can be done with messages; the words and facts come from the incident. */
export interface MessageDesk {
  /** With facts and times filled in. */
  draft: (kind: MessageKind, audience: Audience) => Promise<Draft>;
  /** Null where the config names no delivery. Resolves with what happened. */
  send: ((draft: Draft) => Promise<string>) | null;
  /** Writes it to a file; resolves with its path. */
  write: (draft: Draft) => Promise<string>;
  waive: (kind: MessageKind, audience: Audience, reason: string) => Promise<void>;
}

const kinds: { value: MessageKind; label: string; detail: string }[] = [
  {
    value: 'first-notice',
    label: 'First notice',
    detail: 'what is known, what is being done, when the next message comes',
  },
  { value: 'update', label: 'Update', detail: 'where it stands and the expected time' },
  { value: 'resolved', label: 'Resolved', detail: 'what was verified, what was lost, what comes next' },
];

const audiences: { value: Audience; label: string; detail: string }[] = [
  { value: 'tenant', label: 'The tenant', detail: 'the customer concerned' },
  { value: 'status-page', label: 'Status page', detail: 'names nobody' },
  { value: 'internal', label: 'The team', detail: 'with the technical facts' },
];

type Stage =
  | { at: 'kind' }
  | { at: 'audience'; kind: MessageKind }
  | { at: 'do'; kind: MessageKind; audience: Audience }
  | { at: 'edit'; kind: MessageKind; audience: Audience }
  | { at: 'read'; kind: MessageKind; audience: Audience }
  | { at: 'waive'; kind: MessageKind; audience: Audience }
  | { at: 'said'; text: string; tone: 'good' | 'bad' };

interface Props extends Inside {
  desk: MessageDesk;
  state: IncidentState;
  onBack: () => void;
}

/** Messages at any time: which, to whom, read it, send or write it. */
export function MessagesScreen({ desk, state, onBack, ...inside }: Props) {
  const [stage, setStage] = useState<Stage>({ at: 'kind' });
  const [draft, setDraft] = useState<Draft | null>(null);
  const width = inside.area.columns;
  const kind = 'kind' in stage ? stage.kind : null;
  const audience = 'audience' in stage ? stage.audience : null;

  useEffect(() => {
    if (kind === null || audience === null) return;
    let gone = false;
    setDraft(null);
    desk.draft(kind, audience).then(
      (drafted) => {
        if (!gone) setDraft(drafted);
      },
      (error: unknown) => {
        if (!gone) setStage({ at: 'said', text: reasonOf(error), tone: 'bad' });
      },
    );
    return () => {
      gone = true;
    };
  }, [desk, kind, audience]);

  const act = (work: Promise<string>): void => {
    work.then(
      (said) => setStage({ at: 'said', text: said, tone: 'good' }),
      (error: unknown) => setStage({ at: 'said', text: reasonOf(error), tone: 'bad' }),
    );
  };
  const textLines = (): Line[] =>
    draft ? draftLines(draft, width) : [line(span(' Writing the draft …', 'muted'))];

  switch (stage.at) {
    case 'kind':
      return (
        <ChoiceScreen
          key="kind"
          {...inside}
          title="Which message?"
          lines={sentLines(state, width)}
          options={kinds.map((one) => ({
            value: one.value,
            label: line(span(one.label, 'strong'), `  ${one.detail}`),
          }))}
          onAnswer={(value) => setStage({ at: 'audience', kind: value })}
          onBack={onBack}
        />
      );
    case 'audience':
      return (
        <ChoiceScreen
          key="audience"
          {...inside}
          title="To whom?"
          lines={[]}
          options={audiences.map((one) => ({
            value: one.value,
            label: line(span(one.label, 'strong'), `  ${one.detail}`),
          }))}
          onAnswer={(value) => setStage({ at: 'do', kind: stage.kind, audience: value })}
          onBack={() => setStage({ at: 'kind' })}
        />
      );
    case 'do':
      return (
        <ChoiceScreen
          key="do"
          {...inside}
          title="The message"
          lines={textLines()}
          options={[
            {
              value: 'read' as const,
              label: line(span('Read it all', 'strong'), '  the text may be longer than the screen'),
            },
            { value: 'edit' as const, label: line(span('Edit it', 'strong'), '  change the words first') },
            {
              value: 'send' as const,
              label: line(span('Send it', 'strong')),
              disabled: desk.send ? undefined : 'no delivery is configured (deliver:), or this is not live',
            },
            {
              value: 'write' as const,
              label: line(span('Write it to a file', 'strong'), '  counts as written, not sent'),
            },
            { value: 'waive' as const, label: line(span('Waive it', 'strong'), '  needs a reason') },
          ]}
          onAnswer={(value) => {
            if (value === 'send' && desk.send && draft) act(desk.send(draft));
            else if (value === 'write' && draft)
              act(desk.write(draft).then((path) => `Written, not sent: ${printable(path)}`));
            else if (value === 'read' || value === 'waive' || (value === 'edit' && draft))
              setStage({ at: value, kind: stage.kind, audience: stage.audience });
          }}
          onBack={() => setStage({ at: 'audience', kind: stage.kind })}
        />
      );
    case 'edit':
      return (
        <EditorScreen
          {...inside}
          question={{
            title: `The message to ${draft?.to.join(', ') || stage.audience}`,
            text: draft ? editableText(draft) : '',
            check: checkEdited,
          }}
          onKeep={(text) => {
            setDraft((value) => value && withEdited(value, text));
            setStage({ ...stage, at: 'do' });
          }}
          onBack={() => setStage({ ...stage, at: 'do' })}
        />
      );
    case 'read':
      return (
        <TextScreen
          {...inside}
          title="The message"
          lines={textLines()}
          onBack={() => setStage({ ...stage, at: 'do' })}
        />
      );
    case 'waive':
      return (
        <QuestionScreen
          {...inside}
          question={{
            kind: 'reason',
            title: 'Why is this message not needed?',
            detail: ['The journal and the report keep the reason.'],
          }}
          onAnswer={(reason) => act(desk.waive(stage.kind, stage.audience, reason).then(() => 'Waived.'))}
          onBack={() => setStage({ ...stage, at: 'do' })}
        />
      );
    case 'said':
      return (
        <TextScreen
          {...inside}
          title="Messages"
          lines={paragraph(stage.text, width - 2, stage.tone, 1)}
          onBack={() => setStage({ at: 'kind' })}
        />
      );
  }
}

/** Recipients, subject, body, and what it must not claim yet. */
function draftLines(draft: Draft, width: number): Line[] {
  const due = draft.nextUpdateDueAt ? `, next update due ${hourMinute(draft.nextUpdateDueAt)}` : '';
  return [
    ...paragraph(
      `To: ${draft.to.map(printable).join(', ') || 'nobody is in the contacts file'}${due}`,
      width - 3,
      'muted',
      2,
    ),
    ...paragraph(`Subject: ${printable(draft.subject)}`, width - 3, 'strong', 2),
    ...draft.unproven.flatMap((claim) =>
      paragraph(`Not proven yet: ${printable(claim)}`, width - 3, 'warning', 2),
    ),
    ...draft.body.split('\n').flatMap((part) => paragraph(printable(part), width - 3, 'plain', 2)),
  ];
}

function sentLines(state: IncidentState, width: number): Line[] {
  if (state.messages.length === 0)
    return [line(span(' No message was sent, written or waived yet.', 'warning')), blank];
  return [
    ...state.messages
      .slice(-4)
      .flatMap((message) =>
        paragraph(
          `${message.kind} · ${message.audience} · ${message.state} ${hourMinute(message.at)}`,
          width - 2,
          'muted',
          1,
        ),
      ),
    blank,
  ];
}
