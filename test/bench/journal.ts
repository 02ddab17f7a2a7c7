import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { encodeLine, genesis, sha256 } from '../../src/incident/line.ts';
import { JournalReader } from '../../src/incident/reader.ts';
import { newIncident } from '../incident/facts.ts';

/** How long a journal of 100,000 events takes to open, and how long it keeps the event loop from other work. */
const count = Number(process.argv[2] ?? 100_000);
const dir = await mkdtemp(join(tmpdir(), 'tenant-dr-bench-'));
const path = join(dir, 'journal.jsonl');

const actor = { name: 'alice', host: 'ops-1' };
const lines: string[] = [];
let prev = genesis;
for (let seq = 1; seq <= count; seq++) {
  const event =
    seq === 1
      ? { event: 'incident.opened', id: 'INC-1', ...newIncident() }
      : seq % 2 === 0
        ? { event: 'note', text: `something worth remembering, number ${seq}` }
        : {
            event: 'task.note',
            step: 'isolate',
            task: 'suspend',
            text: 'settling',
            data: { writes: seq, tables: ['agents'] },
          };
  const line = encodeLine(
    { seq, at: new Date(1.79e12 + seq * 1000).toISOString(), actor, fence: 1, ...event },
    prev,
  );
  prev = sha256(line);
  lines.push(line);
}
await writeFile(path, `${lines.join('\n')}\n`);

const delay = monitorEventLoopDelay({ resolution: 1 });
for (let round = 0; round < 5; round++) {
  const reader = new JournalReader(path);
  const start = performance.now();
  const before = process.cpuUsage();
  delay.reset();
  delay.enable();
  await reader.readOn();
  const total = performance.now() - start;
  delay.disable();
  const { user, system } = process.cpuUsage(before);
  const cpu = ((user + system) / 1000).toFixed(0);
  console.log(
    `${count} events: ${total.toFixed(0)} ms (processor time ${cpu} ms), longest pause ${(delay.max / 1e6).toFixed(0)} ms`,
  );
}
await rm(dir, { recursive: true });
