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
    play: flag('make it in a throwaway folder and open the screens on it'),
  },
  examples: ['tenant-dr demo', 'tenant-dr demo /tmp/training --scenario overwritten --seed 7 --reset'],
  async run(context, { dir = 'tenant-dr-demo', scenario, seed: given, reset, play }) {
    if (play) return openDemo(context, scenario, given);
    const { createDemo } = await import('../../demo/create.ts');
    const now = context.clock();
    const seed = given ?? Math.floor(now.getTime() / 60_000) % 10_000;
    const chosen = scenario ?? (scenarios[seed % scenarios.length] as Scenario);
    const folder = resolve(context.cwd, dir);
    const made = await createDemo({
      dir: folder,
      scenario: chosen,
      seed,
      now,
      reset,
      signal: context.signal,
      onProgress: (done, total) =>
        context.output.progress({ phase: 'two weeks of backups', done, total, unit: 'tables' }),
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
      text: story(made, folder, seed, next),
    };
  },
});

/** `npm start`: the same demo, in a folder of its own, on the screens. */
async function openDemo(context: Context, scenario: Scenario | undefined, seed: number | undefined) {
  const { playDemo } = await import('../../tui/app.ts');
  const options = [
    ...(scenario === undefined ? [] : ['--scenario', scenario]),
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
  ];
  const folder = await playDemo(context, options);
  return { document: { dir: folder }, text: `The demo stays in ${folder}: cd there to look around.` };
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

function story(made: CreatedDemo, folder: string, seed: number, next: string[]): string {
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
  ].join('\n');
}
