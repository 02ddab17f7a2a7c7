import type { Context } from '../cli/context.ts';
import type { Progress } from '../engine/port.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';
import type { Begun } from '../runbook/begin.ts';
import { isTakenOver, type RunResult } from '../runbook/view.ts';
import type { Made } from './demo.ts';
import { zone } from './format.ts';
import { openLookout } from './lookout.ts';
import type { Navigator, Place } from './navigation.ts';
import type { RunDesk } from './screens/IncidentScreen.tsx';
import { Root } from './screens/Root.tsx';
import { draw, openRun, printSummary, watchTerminal } from './show.tsx';
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
  const left = Promise.withResolvers<void>();
  const ended: { begun: Begun; result: RunResult; report: string | null }[] = [];
  let desk: RunDesk | null = null;
  const go = (next: Place): void => place.flush(() => next);

  const work = async (
    text: string,
    onFailure: (error: TenantDrError) => Place,
    make: Make,
  ): Promise<void> => {
    go({ at: 'waiting', text });
    let begun: Begun;
    try {
      // What walks a runbook is loaded when one is walked: the first frame must not wait for it.
      const starter = await import('./starter.ts');
      begun = await make(starter, ({ phase, done, total }) =>
        go({ at: 'waiting', text: `${phase} ${total ? `${Math.floor((done / total) * 100)} %` : ''} …` }),
      );
    } catch (error) {
      go(onFailure(asError(error)));
      return;
    }
    const { incident } = begun;
    const run = openRun({ context, config, incident, run: begun.runner, signal: terminal.signal });
    desk = run.desk;
    go({ at: 'incident', desk });
    const result = await run.done;
    // Letting go is in the journal too: only after it is a report one of the whole journal.
    await begun.close();
    const report = isTakenOver(result) ? null : await writtenReport(incident);
    ended.push({ begun, result, report });
    desk = null;
    // After a trial the real thing is the likely next step; after the real thing there is nothing left to do.
    const trial = incident.state.opened.mode !== 'live' && result.outcome === 'completed';
    if (!trial || terminal.signal.aborted) return left.resolve();
    go({ at: 'home' });
    await lookout.look();
  };

  const navigator: Navigator = {
    go,
    damagedAt: () => (demo ? demo.made().damagedAt : ''),
    story: () => (demo ? demo.made().complaint : ''),
    byEmail: config.tenants.search.length === 0 ? null : (text) => findByEmail(context, text),
    quit: () => left.resolve(),
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
      const { runbook, tenant, mode } = start;
      const back: Place = { at: 'damaged', runbook, tenant, mode, wrong: '' };
      const detectedAt = demo ? new Date(demo.made().detectedAt) : context.clock();
      work(
        'Opening the incident …',
        (error) => ({ at: 'problem', error, back }),
        (starter, onProgress) => starter.begin(context, start, detectedAt, terminal.signal, onProgress),
      ).catch(left.reject);
    },
    resume: (incident, reason) => {
      work(
        `Resuming ${incident} …`,
        (error) =>
          error.code === 'incident-locked'
            ? { at: 'take-over', incident, wrong: error.message }
            : { at: 'problem', error, back: { at: 'home' } },
        (starter, onProgress) => starter.resume(context, incident, reason, terminal.signal, onProgress),
      ).catch(left.reject);
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
    zone: zone(context.clock().toISOString()),
    updateDueSeconds: null,
  };
  const rendered = draw(
    <Root place={place} sights={lookout.sights} navigator={navigator} header={header} />,
    context,
  );
  terminal.signal.addEventListener('abort', () => {
    // Inside an incident the run is stopped at a safe point first, and leaving follows from that.
    if (!desk) left.resolve();
  });
  rendered.done.catch((crash: unknown) => {
    // A screen that crashes must not take a run with it: the run comes to a safe point, then the crash is told.
    if (desk) desk.leave();
    else left.reject(crash);
  });
  try {
    // The first frame is on the screen before anything heavy is loaded.
    setTimeout(() => lookout.look().catch(left.reject), 0);
    await left.promise;
    rendered.leave();
    await rendered.done;
    for (const { begun, result, report } of ended) printSummary(begun.incident, result, context, report);
  } finally {
    rendered.leave();
    terminal.release();
  }
}

/** A report is a convenience here: `tenant-dr report` writes it again at any time. */
async function writtenReport(incident: Incident): Promise<string | null> {
  const { readReport, writeReports } = await import('../incident/report/source.ts');
  try {
    const { report } = await readReport(incident.dir);
    const [first] = await writeReports(incident.dir, report, ['html', 'md', 'json']);
    return first ?? null;
  } catch {
    // Nothing is lost: the summary names the command that says what is wrong.
    return null;
  }
}

type Make = (
  starter: typeof import('./starter.ts'),
  onProgress: (progress: Progress) => void,
) => Promise<Begun>;

async function findByEmail(context: Context, text: string): Promise<ReadonlySet<string>> {
  const { tenantsWith } = await import('./find-by-email.ts');
  return tenantsWith(context, text);
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
