import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createIncident, listIncidents, readIncident, resumeIncident } from '../../src/incident/store.ts';
import { newIncident, store, temporaryFolder } from './support.ts';

const script = fileURLToPath(new URL('child.ts', import.meta.url));

type Child = ChildProcessByStdio<Writable, Readable, null>;

function child(...words: string[]): { process: Child; lines: string[]; firstLine: Promise<unknown> } {
  const started = spawn(process.execPath, [script, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => {
    started.kill('SIGKILL');
  });
  const lines: string[] = [];
  const reader = createInterface({ input: started.stdout });
  reader.on('line', (line) => lines.push(line));
  return { process: started, lines, firstLine: once(reader, 'line') };
}

async function kill(victim: Child): Promise<void> {
  const closed = once(victim, 'close');
  victim.kill('SIGKILL');
  await closed;
}

/** More of them in `npm run soak`. */
const kills = Number(process.env.TENANT_DR_KILLS ?? 3);

describe('a killed process', () => {
  it('leaves a journal that opens with every event it had acknowledged', { timeout: 60_000 }, async () => {
    const home = store(await temporaryFolder(), Date.now);
    const incident = await createIncident(home, newIncident());
    await incident.close();
    for (let round = 0; round < kills; round++) {
      const writer = child('append', home.stateDir, incident.id);
      await writer.firstLine;
      await sleep(Math.random() * 60);
      await kill(writer.process);
      const acknowledged = Number(writer.lines.at(-1));
      const { incident: seen } = await readIncident(home.stateDir, incident.id);
      expect(seen.entries.length).toBeGreaterThanOrEqual(acknowledged);
      expect((await listIncidents(home.stateDir))[0]?.lock).toBe('dead');
    }
    const { incident: resumed } = await resumeIncident(home, incident.id);
    expect(resumed.state.takeOvers.every((one) => one.automatic)).toBe(true);
    expect(resumed.state.takeOvers).toHaveLength(kills);
    await resumed.close();
  });

  it('loses the race for the lock to exactly one of those who reach for it at once', {
    timeout: 60_000,
  }, async () => {
    const home = store(await temporaryFolder(), Date.now);
    const incident = await createIncident(home, newIncident());
    await incident.close();
    const racers = [1, 2, 3, 4].map(() => child('race', home.stateDir, incident.id));
    await Promise.all(racers.map((racer) => racer.firstLine));
    for (const racer of racers) racer.process.stdin.write('go\n');
    await expect
      .poll(() => racers.map((racer) => racer.lines.length), { timeout: 20_000 })
      .toEqual([2, 2, 2, 2]);
    const outcomes = racers.map((racer) => racer.lines[1]);
    expect(outcomes.toSorted()).toEqual(['incident-locked', 'incident-locked', 'incident-locked', 'won']);
    await Promise.all(racers.map((racer) => kill(racer.process)));
  });

  it('that has no room to begin is not there, and says to give the same command again', async () => {
    const home = store(await temporaryFolder(), Date.now);
    const limited = `trap '' XFSZ; ulimit -f 0; exec "$0" "$@"`;
    const words = ['-c', limited, process.execPath, script, 'begin', home.stateDir];
    const { stdout } = await promisify(execFile)('sh', words);
    expect(stdout).toMatch(/^journal-unwritable: .*the same command again/);
    expect(await readdir(join(home.stateDir, 'incidents'))).toEqual([]);
  });

  it('that runs out of room leaves a whole journal with every event it had acknowledged', {
    timeout: 60_000,
  }, async () => {
    const home = store(await temporaryFolder(), Date.now);
    const incident = await createIncident(home, newIncident());
    await incident.close();
    // no file may grow beyond 40 blocks: the line that crosses the border is written in part, then refused
    const limited = `trap '' XFSZ; ulimit -f 40; exec "$0" "$@"`;
    const words = ['-c', limited, process.execPath, script, 'append', home.stateDir, incident.id];
    const { stdout } = await promisify(execFile)('sh', words);
    const lines = stdout.trim().split('\n');
    expect(lines.at(-1)).toBe('journal-unwritable');
    const { incident: seen, torn } = await readIncident(home.stateDir, incident.id);
    expect(torn).toBeNull();
    // its last line says that it let go, where there was room for that
    const added = seen.entries.filter((entry) => entry.event === 'note').at(-1);
    expect(added?.seq).toBe(Number(lines.at(-2)));
    const { incident: resumed } = await resumeIncident(home, incident.id);
    await resumed.append({ event: 'note', text: 'there is room again' });
    await resumed.close();
  });
});
