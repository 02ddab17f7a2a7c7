import { writeSync } from 'node:fs';
import { TenantDrError } from '../../src/errors.ts';
import { createIncident, resumeIncident } from '../../src/incident/store.ts';
import { newIncident } from './facts.ts';

/**
 * A real operator's process, to be killed. `append <state> <incident>` records notes as fast as it can and prints
 * the number of each once it is on disk, or the code of the error that stopped it. `race <state> <incident>` waits
 * for a line on stdin, then reaches for the lock and prints `won` or why not. `begin <state>` tries to open one
 * and prints what it is told to do.
 */
const [what, stateDir = '', id = ''] = process.argv.slice(2);
const store = { stateDir, actor: { name: `process ${process.pid}`, host: 'here' } };

if (what === 'begin') {
  const error = await createIncident(store, newIncident()).catch((error: TenantDrError) => error);
  writeSync(1, `${codeOf(error)}: ${(error as TenantDrError).hint}`);
  process.exit();
}

if (what === 'append') {
  const { incident } = await resumeIncident(store, id);
  const append = () => incident.append({ event: 'note', text: 'x'.repeat(Math.random() * 8000) });
  try {
    for (;;) writeSync(1, `${(await append()).seq}\n`);
  } catch (error) {
    writeSync(1, `${codeOf(error)}\n`);
  }
  await incident.close();
  process.exit();
}

writeSync(1, 'ready\n');
process.stdin.once('data', async () => {
  try {
    await resumeIncident(store, id);
    writeSync(1, 'won\n');
  } catch (error) {
    writeSync(1, `${codeOf(error)}\n`);
  }
  // keep the lock until killed
  setInterval(() => undefined, 1000);
});

function codeOf(error: unknown): string {
  return error instanceof TenantDrError ? error.code : String(error);
}
