import type { Context } from '../cli/context.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { RunResult } from '../runbook/view.ts';
import type { Made } from './demo.ts';
import { emailFinder } from './find-by-email.ts';
import { openLookout } from './lookout.ts';
import type { Navigator, Place } from './navigation.ts';
import { Root } from './screens/Root.tsx';
import { draw, openRun, printSummary, watchTerminal } from './show.tsx';
import { type Begun, begin, resume } from './starter.ts';
import { createStore } from './store.ts';
import type { HeaderModel } from './view/header.ts';

/** What the demo adds to the home screen. */
export interface DemoDesk {
  made: () => Made;
  /** Makes it anew, with other damage. */
  reset: (onProgress: (done: number, total: number) => void) => Promise<void>;
}

/** `tenant-dr` alone: the home screen, and the incident that is started or resumed from it. */
export async function showHome(context: Context, demo: DemoDesk | null = null): Promise<void> {
  const config = await context.config();
  const terminal = watchTerminal(context.signal);
  const place = createStore<Place>({ at: 'home' });
  const lookout = openLookout(context);
  const left = Promise.withResolvers<{ begun: Begun; result: RunResult } | null>();
  const go = (next: Place): void => place.flush(() => next);

  const work = async (text: string, back: Place, make: () => Promise<Begun>): Promise<void> => {
    go({ at: 'waiting', text });
    let begun: Begun;
    try {
      begun = await make();
    } catch (error) {
      go(placeAfter(error, back));
      return;
    }
    const { desk, done } = openRun({
      context,
      config,
      incident: begun.incident,
      run: begun.run,
      signal: terminal.signal,
    });
    go({ at: 'incident', desk });
    const result = await done;
    await begun.close();
    left.resolve({ begun, result });
  };

  const navigator: Navigator = {
    go,
    damagedAt: () => (demo ? demo.made().damagedAt : ''),
    story: () => (demo ? demo.made().complaint : ''),
    byEmail: await emailFinder(context),
    quit: () => left.resolve(null),
    reset:
      demo === null
        ? null
        : () => {
            go({ at: 'waiting', text: 'Making a new demo …' });
            demo
              .reset((done, total) =>
                go({ at: 'waiting', text: `Making a new demo: backup ${done} of ${total} …` }),
              )
              .then(() => lookout.look())
              .then(
                () => go({ at: 'home' }),
                (error: unknown) => go({ at: 'problem', error: asError(error), back: { at: 'home' } }),
              );
          },
    start: (start) => {
      const back: Place = {
        at: 'damaged',
        runbook: start.runbook,
        tenant: start.tenant,
        mode: start.mode,
        wrong: '',
      };
      work('Opening the incident …', back, () =>
        begin(context, start, demo ? new Date(demo.made().detectedAt) : context.clock()),
      ).catch((error: unknown) => left.reject(error));
    },
    resume: (incident, reason) => {
      work(`Resuming ${incident} …`, { at: 'home' }, () => resume(context, incident, reason)).catch(
        (error: unknown) => left.reject(error),
      );
    },
  };

  const header: HeaderModel = {
    environment: config.environment,
    database: databaseOf(config.database),
    mode: 'look',
    tenant: null,
    incident: null,
    operator: context.operator.name,
    rto: null,
    rpo: null,
    updateDueSeconds: null,
  };
  const rendered = draw(
    <Root place={place} sights={lookout.sights} navigator={navigator} header={header} />,
    context,
  );
  terminal.signal.addEventListener('abort', () => {
    // Inside an incident the run is stopped at a safe point first, and leaving follows from that.
    if (place.get().at !== 'incident') left.resolve(null);
  });
  try {
    // The first frame is on the screen before anything heavy is loaded.
    setTimeout(() => void lookout.look(), 0);
    const end = await Promise.race([left.promise, rendered.done.then(() => null)]);
    rendered.leave();
    await rendered.done;
    if (end) printSummary(end.begun.incident, end.result, context);
  } finally {
    rendered.leave();
    terminal.release();
  }
}

function placeAfter(thrown: unknown, back: Place): Place {
  const error = asError(thrown);
  const incident = error.facts.incident;
  if (error.code === 'incident-locked' && back.at === 'home' && typeof incident === 'string') {
    return { at: 'take-over', incident, wrong: error.message };
  }
  return { at: 'problem', error, back };
}

function asError(thrown: unknown): TenantDrError {
  return thrown instanceof TenantDrError
    ? thrown
    : new TenantDrError('internal', reasonOf(thrown), { cause: thrown });
}

/** What the header says before the database was opened. */
function databaseOf(database: string | undefined): { name: string; location: string } {
  if (!database) return { name: 'no database', location: 'give --database or a config' };
  if (database.startsWith('sqlite:')) {
    const path = database.slice('sqlite:'.length);
    return { name: (path.split('/').at(-1) ?? path).replace(/\.[^.]+$/, ''), location: path };
  }
  const url = new URL(database);
  return { name: url.pathname.slice(1), location: `${url.host}${url.pathname}` };
}
