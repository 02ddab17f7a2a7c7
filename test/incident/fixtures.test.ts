import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describe as sentence } from '../../src/incident/describe.ts';
import { eventNames } from '../../src/incident/events.ts';
import { JournalReader } from '../../src/incident/reader.ts';
import { htmlReport } from '../../src/incident/report/html.ts';
import { markdownReport } from '../../src/incident/report/markdown.ts';
import { readReport } from '../../src/incident/report/source.ts';
import { temporaryFolder } from './support.ts';

/** A journal of every released format; they must load for ever. */
const folder = fileURLToPath(new URL('../fixtures', import.meta.url));
const names = (await readdir(folder)).filter((name) => name.startsWith('journal-'));

async function read(name: string): Promise<JournalReader> {
  const reader = new JournalReader(join(folder, name));
  expect(await reader.readOn()).toBeNull();
  return reader;
}

describe('journals of released versions', () => {
  it.each(names)('%s loads, tells its story and can be reported on', async (name) => {
    const { entries, state } = await read(name);
    expect(state?.closed).not.toBeNull();
    for (const entry of entries) expect(state && sentence(entry, state)).toMatch(/\S/);
    const dir = join(await temporaryFolder(), 'INC-1');
    await mkdir(dir);
    await cp(join(folder, name), join(dir, 'journal.jsonl'));
    const { report, damage } = await readReport(dir);
    expect(damage).toBeNull();
    for (const text of [markdownReport(report), htmlReport(report)])
      expect(text).not.toMatch(/undefined|NaN|\[object/);
  });

  it('hold every kind of event there is', async () => {
    const readers = await Promise.all(names.map(read));
    const held = new Set(readers.flatMap((reader) => reader.entries.map((entry) => entry.event)));
    expect(eventNames.filter((name) => !held.has(name))).toEqual([]);
  });
});
