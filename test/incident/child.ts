import { writeSync } from 'node:fs';
import { TenantDrError } from '../../src/errors.ts';
import { resumeIncident } from '../../src/incident/store.ts';

/**
 * A real operator's process for the tests that kill one. `append <state> <incident>`: records notes as fast as it
 * can and prints the number of each once it is on disk. `race <state> <incident>`: waits for a line on stdin,
 * then reaches for the lock and prints `won` or why not.
 */
const [what, stateDir = '', id = ''] = process.argv.slice(2);
const store = { stateDir, actor: { name: `process ${process.pid}`, host: 'here' } };

if (what === 'append') {
  const { incident } = await resumeIncident(store, id);
  for (;;) {
    const entry = await incident.append({
      event: 'note',
      text: 'x'.repeat(Math.floor(Math.random() * 8000)),
    });
    writeSync(1, `${entry.seq}\n`);
  }
}

writeSync(1, 'ready\n');
process.stdin.once('data', async () => {
  try {
    await resumeIncident(store, id);
    writeSync(1, 'won\n');
  } catch (error) {
    writeSync(1, `${error instanceof TenantDrError ? error.code : String(error)}\n`);
  }
  // keep the lock until killed
  setInterval(() => undefined, 1000);
});
