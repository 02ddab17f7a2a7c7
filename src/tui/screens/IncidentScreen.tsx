import { Box, useAnimation } from 'ink';
import { type ReactNode, useEffect, useState, useSyncExternalStore } from 'react';
import type { TenantDrError } from '../../errors.ts';
import type { IncidentState } from '../../incident/records.ts';
import { isBusy, type RunnerView } from '../../runbook/view.ts';
import { useSurroundings } from '../components/context.ts';
import { useArea } from '../components/Screen.tsx';
import { line } from '../line.ts';
import type { Asked } from '../operator.ts';
import type { Store } from '../store.ts';
import { type CommanderModel, commanderLines } from '../view/commander.ts';
import { lostLines, takenOver } from '../view/finished.ts';
import { type HeaderModel, headerLines, headerReading } from '../view/header.ts';
import { outputLines, type TaskOutput } from '../view/output.ts';
import { previewLines, stepPlace, stepViews } from '../view/run.ts';
import { scopeOf } from '../view/scope.ts';
import { readFirstLines } from '../view/situation.ts';
import { AskedScreen } from './AskedScreen.tsx';
import { FinishedScreen } from './FinishedScreen.tsx';
import { HandOverScreen } from './HandOverScreen.tsx';
import type { Inside, Overlay } from './inside.ts';
import { LeaveScreen } from './LeaveScreen.tsx';
import { type MessageDesk, MessagesScreen } from './MessagesScreen.tsx';
import { NoteScreen } from './NoteScreen.tsx';
import { RunScreen } from './RunScreen.tsx';
import { TextScreen } from './TextScreen.tsx';

/** How often the screen follows the clock, milliseconds: quicker while something runs, rarely when read aloud. */
const ticks = { busy: 50, waiting: 1000, readAloud: 30_000 };

/** A run as the screen drives it. */
export interface RunDesk {
  state: Store<IncidentState>;
  view: Store<RunnerView>;
  asked: Store<Asked | null>;
  /** Says who took over; null while nobody did. */
  lost: Store<TenantDrError | null>;
  /** The header at a moment, clocks included. */
  header: (state: IncidentState, view: RunnerView, now: Date) => HeaderModel;
  commander: (state: IncidentState, now: Date) => CommanderModel;
  /** Everything the tasks said, oldest first. */
  output: () => readonly TaskOutput[];
  /** Ends the run at the next safe point and closes the screen. */
  leave: () => void;
  note: (text: string) => Promise<void>;
  messages: MessageDesk;
  /** The situation in a few lines, for whoever comes next. */
  situation: (state: IncidentState) => string;
  handOver: (note: string) => void;
  /** The screen may close: the run has ended and the operator has seen it. */
  close: () => void;
}

type Open = Overlay | 'leave' | 'readFirst' | null;

/** One incident: the run screen, its questions, and what the operator opens over it. */
export function IncidentScreen({ desk }: { desk: RunDesk }) {
  const { theme, now } = useSurroundings();
  const area = useArea();
  const state = useSyncExternalStore(desk.state.subscribe, desk.state.get);
  const view = useSyncExternalStore(desk.view.subscribe, desk.view.get);
  const asked = useSyncExternalStore(desk.asked.subscribe, desk.asked.get);
  const lost = useSyncExternalStore(desk.lost.subscribe, desk.lost.get);
  const toRead = () => readFirstLines(state, desk.commander(state, now()).entries, area.columns);
  // What whoever takes this up must know comes before anything else.
  const [overlay, setOverlay] = useState<Open>(() => (toRead() ? 'readFirst' : null));
  const busy = isBusy(view);
  const { frame } = useAnimation({
    interval: theme.screenReader ? ticks.readAloud : busy ? ticks.busy : ticks.waiting,
  });

  const at = now();
  const model = desk.header(state, view, at);
  const header = theme.screenReader
    ? headerReading(model).map((text) => line(text))
    : headerLines(model, area.columns);
  const close = (): void => setOverlay(null);
  const inside: Inside = {
    header,
    area,
    left: stepPlace(stepViews(state, view.step, at.toISOString())),
    onQuit: () => setOverlay('leave'),
  };

  // Nothing that was begun here can be finished here.
  useEffect(() => {
    if (lost) setOverlay(null);
  }, [lost]);

  const over = ((): ReactNode => {
    if (lost && !view.outcome)
      return <TextScreen {...inside} title={takenOver} lines={lostLines(lost, area.columns)} />;
    switch (overlay) {
      case 'leave':
        return (
          <LeaveScreen
            {...inside}
            incident={state.id}
            changing={view.phase === 'running'}
            onStay={close}
            onLeave={() => {
              close();
              desk.leave();
            }}
          />
        );
      case 'preview':
        return (
          <TextScreen
            {...inside}
            title="What the step does"
            lines={view.preview ? previewLines(view.preview, view.guide, area.columns) : []}
            onBack={close}
          />
        );
      case 'output':
        return (
          <TextScreen
            {...inside}
            title="Output"
            atEnd
            lines={outputLines(desk.output(), area.columns)}
            onBack={close}
          />
        );
      case 'times':
        return (
          <TextScreen
            {...inside}
            title="Times"
            lines={commanderLines(desk.commander(state, at), area.columns)}
            onBack={close}
          />
        );
      case 'note':
        return <NoteScreen {...inside} onNote={desk.note} onBack={close} />;
      case 'message':
        return <MessagesScreen {...inside} desk={desk.messages} state={state} onBack={close} />;
      case 'readFirst':
        return <TextScreen {...inside} title="Read this first" lines={toRead() ?? []} onBack={close} />;
      case 'handOver':
        return (
          <HandOverScreen
            {...inside}
            situation={desk.situation(state)}
            onHandOver={desk.handOver}
            onBack={close}
          />
        );
      case null:
        return null;
    }
  })();
  // What stands below keeps its state: going back is going back to exactly where one was.
  return (
    <>
      {over}
      <Box display={over ? 'none' : 'flex'}>{below()}</Box>
    </>
  );

  function below(): ReactNode {
    const base = { ...inside, active: over === null, onOpen: setOverlay };
    if (view.outcome) {
      return (
        <FinishedScreen
          {...base}
          onOpen={setOverlay}
          state={state}
          model={model}
          outcome={view.outcome}
          onClose={desk.close}
        />
      );
    }
    const proceeds = asked?.question.kind === 'choose' && asked.question.view?.kind === 'proceed';
    if (asked && !proceeds) {
      return <AskedScreen key={asked.number} {...base} asked={asked} scope={scopeOf(state)} />;
    }
    return (
      <RunScreen
        key={asked?.number ?? 'run'}
        {...base}
        onOpen={setOverlay}
        state={state}
        view={view}
        frame={frame}
        onAnswer={(value) => asked?.answer(value)}
      />
    );
  }
}
