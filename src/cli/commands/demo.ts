import { relative, resolve } from 'node:path';
import type { CreatedDemo } from '../../demo/create.ts';
import { type Scenario, scenarios } from '../../demo/scenario.ts';
import { printable } from '../../engine/printable.ts';
import { TenantDrError } from '../../errors.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { choice, flag, parsed, text } from '../parameters.ts';

export default command({
  effect: 'write',
  arguments: { dir: text('dir', 'folder to make it in; default ./tenant-dr-demo') },
  options: {
    scenario: choice(scenarios, 'what happened to the tenant; by default the seed decides'),
    seed: parsed('number', 'the same seed tells the same story', readSeed),
    reset: flag('throw away the demo that is there'),
    play: flag('open the screens on it; made in a throwaway folder unless one is named'),
    postgres: flag('on a PostgreSQL server of its own, which runs until it is stopped'),
    stop: flag('stop the server of a demo on PostgreSQL'),
    start: flag('start that server again'),
  },
  examples: [
    'tenant-dr demo',
    'tenant-dr demo /tmp/training --scenario overwritten --seed 7 --reset',
    'tenant-dr demo --postgres',
  ],
  async run(context, { dir, scenario, seed: given, reset, play, postgres, stop, start }) {
    const folder = resolve(context.cwd, dir ?? 'tenant-dr-demo');
    if (stop || start) return switchServer(folder, stop ? 'stop' : 'start');
    if (play) {
      return openDemo(context, dir === undefined ? null : folder, { scenario, seed: given, reset, postgres });
    }
    const { createDemo } = await import('../../demo/create.ts');
    const now = context.clock();
    const seed = given ?? Math.floor(now.getTime() / 60_000) % 10_000;
    const chosen = scenario ?? (scenarios[seed % scenarios.length] as Scenario);
    const made = await createDemo({
      dir: folder,
      scenario: chosen,
      seed,
      now,
      reset,
      postgres,
      signal: context.signal,
      onProgress: (done, total) =>
        context.output.progress({ phase: 'two weeks of backups', done, total, unit: 'backups' }),
    });
    const next = nextCommands(context, folder, made);
    const { victim, damagedAt, detectedAt } = made.misfortune;
    return {
      document: {
        dir: folder,
        config: made.config,
        database: made.database,
        backups: made.backups,
        scenario: chosen,
        seed,
        tenant: {
          id: victim.id,
          slug: victim.character.slug,
          name: victim.character.name,
          tier: victim.character.tier,
        },
        damagedAt: damagedAt.toISOString(),
        detectedAt: detectedAt.toISOString(),
        complaint: made.complaint,
        next,
      },
      text: story(made, folder, seed, next, postgres ? serverLines(context, folder) : []),
    };
  },
});

interface Wishes {
  scenario: Scenario | undefined;
  seed: number | undefined;
  reset: boolean;
  postgres: boolean;
}

/** `npm start`: the same demo on the screens, in a folder of its own when none is named. */
async function openDemo(context: Context, dir: string | null, { scenario, seed, reset, postgres }: Wishes) {
  const { playDemo } = await import('../../tui/app.ts');
  const options = [
    ...(reset ? ['--reset'] : []),
    ...(postgres ? ['--postgres'] : []),
    ...(scenario === undefined ? [] : ['--scenario', scenario]),
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
  ];
  const folder = await playDemo(context, dir, options);
  const again = postgres ? ` Its server was stopped; tenant-dr demo ${folder} --start starts it again.` : '';
  return { document: { dir: folder }, text: `The demo stays in ${folder}: cd there to look around.${again}` };
}

async function switchServer(folder: string, action: 'start' | 'stop') {
  const { switchServer } = await import('../../demo/server.ts');
  await switchServer(folder, action);
  const text = action === 'stop' ? 'stopped; its data stays. --start starts it again.' : 'runs.';
  return {
    document: { dir: folder, server: action === 'stop' ? 'stopped' : 'running' },
    text: `The demo's server ${text}`,
  };
}

/** How to end what was left running. */
function serverLines(context: Context, folder: string): string[] {
  const dir = relative(context.cwd, folder) || '.';
  return [
    '',
    'Its PostgreSQL server goes on running. To stop it, and to go on another day:',
    '',
    `  tenant-dr demo ${dir} --stop`,
    `  tenant-dr demo ${dir} --start`,
  ];
}

function readSeed(text: string): number {
  const seed = Number(text);
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new TenantDrError('usage', `--seed must be a whole number, not "${printable(text)}".`, {
    hint: 'For example --seed 7.',
  });
}

function nextCommands(context: Context, folder: string, made: CreatedDemo): string[] {
  const { victim, damagedAt, detectedAt } = made.misfortune;
  const times = `--detected-at ${seconds(detectedAt)} --damaged-at ${seconds(damagedAt)}`;
  return [
    `cd ${relative(context.cwd, folder) || '.'}`,
    `tenant-dr tenants --find ${victim.owner}`,
    `tenant-dr run single-tenant-corruption --tenant ${victim.character.slug} ${times}`,
  ];
}

function seconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

function story(made: CreatedDemo, folder: string, seed: number, next: string[], server: string[]): string {
  return [
    `A chatbot platform with forty tenants is in ${printable(folder)},`,
    `with ${made.backups} backups of the last two weeks. (seed ${seed}, scenario ${made.misfortune.scenario})`,
    '',
    'This just came in:',
    '',
    ...made.complaint.split('\n').map((line) => `  | ${printable(line)}`.trimEnd()),
    '',
    'What now?',
    '',
    ...next.map((line) => `  ${line}`),
    '',
    'Or look around first: tenant-dr, tenant-dr backups, tenant-dr tables.',
    ...server,
  ].join('\n');
}
