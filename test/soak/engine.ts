import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { seeded } from '../../src/demo/random.ts';
import { type RestoreMode, restoreModes } from '../../src/engine/plan.ts';
import { TenantDrError } from '../../src/errors.ts';
import { configOf, drive } from '../engine/drive.ts';
import { randomWorld } from '../worlds/random.ts';
import type { World } from '../worlds/world.ts';

/**
 * `node test/soak/engine.ts --from 1 --to 500`: random schemas, random damage, planted triggers, every mode; restored,
 * judged by the independent checker, undone from the safety copy, judged again. Prints what went wrong, with the seed.
 */
const { values } = parseArgs({
  options: { from: { type: 'string', default: '1' }, to: { type: 'string', default: '200' } },
});
const checker = new URL('../check/check.py', import.meta.url).pathname;
let failures = 0;
let lastMessage = '';

for (let seed = Number(values.from); seed <= Number(values.to); seed++) {
  const random = seeded(seed);
  const mode = random.pick(restoreModes);
  await attempt(seed, mode, random.chance(0.3) && mode === 'exact');
}
console.log(failures === 0 ? 'all as it should be' : `${failures} went wrong`);
process.exitCode = failures === 0 ? 0 : 1;

async function attempt(seed: number, mode: RestoreMode, hostile: boolean): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tenant-dr-soak-'));
  const world = randomWorld(dir, seed, { hostile });
  const before = join(dir, 'before.db');
  snapshot(world, before);
  const { outcome, safety } = await restore(world, mode);
  const restored = outcome === 'done';
  const problems: string[] = [];
  if (hostile ? outcome !== 'isolation-failed' : !restored && outcome !== 'conflict')
    problems.push(`ended with ${outcome}`);
  if (mode === 'exact' && !hostile && !restored)
    problems.push(`an exact restore must succeed here: ${lastMessage.slice(0, 200)}`);
  problems.push(...check(world, before, mode, restored ? [] : ['--unchanged']));
  if (restored && safety !== null) {
    const undone = await undo(world, safety);
    if (undone !== 'done') problems.push(`undo ended with ${undone}: ${lastMessage.slice(0, 200)}`);
    else problems.push(...slicesDiffer(world, before).map((text) => `after undo: ${text}`));
  }
  if (safety !== null) rmSync(dirname(safety), { recursive: true });
  if (problems.length === 0) {
    rmSync(dir, { recursive: true });
    return;
  }
  failures++;
  console.log(
    `seed ${seed} ${mode}${hostile ? ' hostile' : ''}: ${dir}\n  ${problems.slice(0, 3).join('\n  ')}`,
  );
}

async function restore(world: World, mode: RestoreMode): Promise<{ outcome: string; safety: string | null }> {
  const engine = await drive(await configOf(world.configPath), world.backupPath);
  try {
    const done = await engine.run(await engine.plan(world.victim, { mode }));
    return { outcome: 'done', safety: done.safetyCopy.path };
  } catch (error) {
    return { outcome: outcomeOf(error), safety: null };
  } finally {
    await engine.close();
  }
}

async function undo(world: World, safety: string): Promise<string> {
  const engine = await drive(await configOf(world.configPath), safety, { whole: true });
  try {
    await engine.run(await engine.plan(world.victim, { mode: 'exact', verbatim: true }));
    return 'done';
  } catch (error) {
    return outcomeOf(error);
  } finally {
    await engine.close();
    rmSync(engine.folder, { recursive: true, force: true });
  }
}

function outcomeOf(error: unknown): string {
  if (!(error instanceof TenantDrError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  lastMessage = error.message;
  return error.code;
}

function check(world: World, before: string, mode: string, more: string[]): string[] {
  const { factsPath: facts, dbPath: after, backupPath: backup, victim } = world;
  return run([
    '--facts',
    facts,
    '--before',
    before,
    '--after',
    after,
    '--backup',
    backup,
    '--tenant',
    victim,
    '--mode',
    mode,
    ...more,
  ]);
}

/** After an undo everything stands as before: the state before, taken as the backup, must be an exact match. */
function slicesDiffer(world: World, before: string): string[] {
  const { factsPath: facts, dbPath: after, victim } = world;
  return run([
    '--facts',
    facts,
    '--before',
    before,
    '--after',
    after,
    '--backup',
    before,
    '--tenant',
    victim,
    '--verbatim',
    '--known',
    world.backupPath,
  ]);
}

function run(words: string[]): string[] {
  try {
    execFileSync('python3', [checker, ...words], { stdio: 'pipe' });
    return [];
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    return `${stdout}${stderr}`
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 160));
  }
}

function snapshot(world: World, path: string): void {
  execFileSync('sqlite3', [world.dbPath, `.backup '${path}'`]);
}
