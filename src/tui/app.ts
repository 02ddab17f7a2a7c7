import type { Operator } from '../actions/operator.ts';
import type { Context } from '../cli/context.ts';
import { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';
import type { RunResult } from '../runbook/view.ts';
import type { Walker } from './desk.ts';

/** The one door to the screens. Nothing heavy is loaded before a terminal is known to be there. */

/**
 * Decides between screen and no screen before anything is opened. Throws no-terminal, with the command that does
 * the same without a terminal as its hint.
 */
export function requireTerminal(context: Pick<Context, 'env' | 'flags'>, headless: string): void {
  const missing = !process.stdin.isTTY ? 'input' : !process.stdout.isTTY ? 'output' : null;
  if (missing || context.flags.json) {
    const why = missing ? `and ${missing} is none` : 'and --json was asked for';
    throw new TenantDrError('no-terminal', `The screens need a terminal, ${why}. Nothing was done.`, {
      hint: headless,
    });
  }
  if (context.env.TERM === 'dumb') {
    throw new TenantDrError(
      'no-terminal',
      'The screens need a terminal that can move its cursor; TERM=dumb cannot. Nothing was done.',
      {
        hint: headless,
      },
    );
  }
}

/**
 * Walks a run on the screen:
 *
 *      tenant-dr · production · chatbot @ /var/www/data/admin.db                 LIVE
 *      Northwind Labs (northwind) ENTERPRISE P0 · INC-20261123-0605 · alice
 *      ──────────────────────────────────────────────────────────────────────────────
 *      ▶ 3 Restore tenant data    1:02 of 30m  DESTRUCTIVE · confirmed 06:12:39
 *
 * Takes the terminal and gives it back whatever happens; prints the closing summary after that. The incident
 * stays open for the caller to close.
 */
export async function runOnScreen(request: {
  context: Context;
  incident: Incident;
  run: (operator: Operator, signal: AbortSignal) => Walker;
}): Promise<RunResult> {
  requireTerminal(request.context, 'Say --auto to go on without the screens.');
  const { showRun } = await loadScreens();
  return showRun(request);
}

/** The same screen, read-only and live, with the commander's view. Ends when the operator stops watching. */
export async function watchOnScreen(request: { context: Context; incident: Incident }): Promise<void> {
  requireTerminal(request.context, 'tenant-dr watch --once says how it stands.');
  const { showWatch } = await loadScreens();
  return showWatch(request);
}

/**
 * `tenant-dr` alone: incidents to resume, scenarios to start, tenants and backups with their RPO.
 *
 *      resume  Northwind Labs · One tenant's data is damaged · step 3/5 · 21 min left
 *      start   One tenant's data is damaged · about 65 min
 *      look    Tenants · 41 · all within their RPO
 */
export async function openScreens(context: Context): Promise<void> {
  requireTerminal(
    context,
    'Name a command: tenant-dr --help lists them; tenant-dr run <runbook> --auto needs no terminal.',
  );
  productionReact();
  const [{ showHome }] = await Promise.all([import('./home.tsx'), context.config()]);
  return showHome(context);
}

/**
 * The guided demo: makes one, in a throwaway folder when `named` is null, and opens the screens on it, with the
 * complaint that just came in. `options` go to `tenant-dr demo`. Resolves with the folder, which stays.
 */
export async function playDemo(context: Context, named: string | null, options: string[]): Promise<string> {
  requireTerminal(context, 'tenant-dr demo makes the demo without the screens.');
  productionReact();
  const { demoContext, demoFolder, makeDemo } = await import('./demo.ts');
  const dir = named ?? (await demoFolder());
  const show = (done: number, total: number): void =>
    context.output.progress({ phase: 'two weeks of backups', done, total, unit: 'backups' });
  let made = await makeDemo(dir, options, context.signal, show);
  const [{ showHome }, inside] = await Promise.all([import('./home.tsx'), demoContext(context, made, dir)]);
  const postgres = options.filter((option) => option === '--postgres');
  try {
    await showHome(inside, {
      made: () => made,
      reset: async (onProgress) => {
        const seed = String(Math.floor(Math.random() * 10_000));
        made = await makeDemo(dir, ['--reset', '--seed', seed, ...postgres], context.signal, onProgress);
      },
    });
  } finally {
    if (postgres.length > 0) {
      const { switchServer } = await import('../demo/server.ts');
      await switchServer(dir, 'stop');
    }
  }
  return dir;
}

/** React's development build is slower to load and to draw; the choice is made when it is first imported. */
function productionReact(): void {
  process.env.NODE_ENV ??= 'production';
}

async function loadScreens(): Promise<typeof import('./show.tsx')> {
  productionReact();
  return import('./show.tsx');
}
