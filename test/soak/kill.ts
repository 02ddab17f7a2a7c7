import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seeded } from '../../src/demo/random.ts';
import { folder, problems, restore, snapshot, startRestore, tenantDr, unchanged } from '../e2e/program.ts';
import { nasty } from '../worlds/nasty.ts';

/**
 * `node test/soak/kill.ts --times 100`: a restore of the built program, killed with kill -9 a random moment after a
 * random step of it, then judged: exactly the old rows or exactly the planned ones. Then picked up and finished.
 */
const { values } = parseArgs({
  options: { times: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
});
const random = seeded(Number(values.seed));
const outcomes = { old: 0, new: 0, unharmed: 0 };
let failures = 0;

for (let n = 0; n < Number(values.times); n++) {
  const world = nasty(folder(), {
    journal: random.pick(['wal', 'delete'] as const),
    encoding: random.pick(['UTF-8', 'UTF-16le'] as const),
  });
  const before = snapshot(world);
  const after = random.pick(['integrity', 'incident', 'applying', 'applying', 'applying']);
  const killed = await killAt(world, after, random.between(0, after === 'applying' ? 500 : 200));
  const [old, planned] = [unchanged(world, before), problems(world, before)];
  if (!killed) outcomes.unharmed++;
  else if (old.length === 0) outcomes.old++;
  else outcomes.new++;
  const complaints: string[] = [];
  if (old.length > 0 && planned.length > 0)
    complaints.push('neither the old nor the planned rows', ...old.slice(0, 2), ...planned.slice(0, 2));
  const resumed = await tenantDr(world, 'resume');
  if (![0, 2, 3].includes(resumed.exit ?? -1))
    complaints.push(`resume ended with ${resumed.exit}: ${resumed.stderr.slice(-300)}`);
  const again = await restore(world);
  if (again.exit !== 0)
    complaints.push(`restore afterwards: ${again.document.error.code} ${again.document.error.message}`);
  else complaints.push(...problems(world, before).slice(0, 3));
  if (complaints.length === 0) {
    rmSync(world.dir, { recursive: true });
    continue;
  }
  failures++;
  console.log(`run ${n}, killed after "${after}" in ${world.dir}\n  ${complaints.join('\n  ')}`);
}
console.log(
  `${JSON.stringify(outcomes)} ${failures === 0 ? 'all as it should be' : `${failures} went wrong`}`,
);
process.exitCode = failures === 0 ? 0 : 1;

/** Kills the restore some milliseconds after the word first appears among its events; false when it was faster. */
async function killAt(world: ReturnType<typeof nasty>, word: string, milliseconds: number): Promise<boolean> {
  const child = startRestore(world);
  const ended = once(child, 'close');
  let said = '';
  const heard = new Promise<void>((resolve) => {
    child.stderr?.on('data', (chunk) => {
      said += chunk;
      if (said.includes(word)) resolve();
    });
  });
  await Promise.race([heard, ended]);
  await Promise.race([sleep(milliseconds), ended]);
  const running = child.exitCode === null;
  child.kill('SIGKILL');
  await ended;
  return running;
}
