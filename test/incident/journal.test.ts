import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JournalWriter } from '../../src/incident/journal.ts';
import { JournalReader } from '../../src/incident/reader.ts';
import { alice, fakeClock, newIncident, temporaryFolder } from './support.ts';

const options = { actor: alice, fence: 1, now: fakeClock(), guard: async () => undefined };

async function journalWith(notes: string[]): Promise<string> {
  const path = join(await temporaryFolder(), 'journal.jsonl');
  const writer = await JournalWriter.create(path, options);
  await writer.append({ event: 'incident.opened', id: 'INC-1', ...newIncident() });
  for (const text of notes) await writer.append({ event: 'note', text });
  await writer.close();
  return path;
}

async function read(path: string) {
  const reader = new JournalReader(path);
  return { torn: await reader.readOn(), entries: reader.entries };
}

describe('the journal', () => {
  it('gives back every event in order, private to its owner', async () => {
    const path = await journalWith(['one', 'zwei – drei', '😀\u2028\u001b[31m']);
    const { entries, torn } = await read(path);
    expect(torn).toBeNull();
    expect(entries.map((entry) => entry.seq)).toEqual([1, 2, 3, 4]);
    expect(entries[3]).toMatchObject({ event: 'note', text: '😀\u2028\u001b[31m', actor: alice, fence: 1 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('cuts a torn last line, at whatever byte it broke, and says so', async () => {
    const path = await journalWith(['one', 'two']);
    const whole = await readFile(path);
    const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (const length of [lastLine + 1, lastLine + 40, whole.length - 2, whole.length - 1]) {
      await writeFile(path, whole.subarray(0, length));
      expect((await read(path)).torn).toEqual({ line: 3, bytes: length - lastLine });
      const { writer, torn } = await JournalWriter.open(path, options);
      await writer.append({ event: 'note', text: 'after' });
      await writer.close();
      expect(torn).toEqual({ line: 3, bytes: length - lastLine });
      expect((await read(path)).entries.map((entry) => entry.event)).toEqual([
        'incident.opened',
        'note',
        'torn-line.cut',
        'note',
      ]);
    }
  });

  it('names the line when any single byte was changed', async () => {
    const path = await journalWith(['one', 'two', 'three']);
    const whole = await readFile(path);
    const lineOf = (offset: number) => whole.subarray(0, offset).toString('latin1').split('\n').length;
    for (let offset = 0; offset < whole.length; offset += 7) {
      const changed = Buffer.from(whole);
      changed[offset] = (changed[offset] ?? 0) ^ 0x01;
      await writeFile(path, changed);
      await expect(read(path)).rejects.toMatchObject({
        code: 'journal-damaged',
        facts: { line: lineOf(offset) },
      });
    }
    const noNewline = Buffer.from(whole);
    noNewline[whole.length - 1] = 0x20;
    await writeFile(path, noNewline);
    await expect(read(path)).rejects.toMatchObject({ code: 'journal-damaged', facts: { line: 4 } });
  });

  it('notices lines taken out, put in twice or exchanged', async () => {
    const path = await journalWith(['one', 'two', 'three']);
    const [a, b, c, d] = (await readFile(path, 'utf8')).trimEnd().split('\n');
    for (const lines of [
      [a, b, d],
      [a, b, b, c, d],
      [a, c, b, d],
      [b, c, d],
    ]) {
      await writeFile(path, `${lines.join('\n')}\n`);
      await expect(read(path)).rejects.toMatchObject({ code: 'journal-damaged' });
    }
  });

  it('says the name of an event that only a newer version knows', async () => {
    const path = join(await temporaryFolder(), 'journal.jsonl');
    const { encodeLine, genesis } = await import('../../src/incident/line.ts');
    const line = encodeLine(
      { seq: 1, at: '2026-11-23T06:00:00Z', actor: alice, fence: 1, event: 'moon.landed' },
      genesis,
    );
    await writeFile(path, `${line}\n`);
    await expect(read(path)).rejects.toMatchObject({
      code: 'journal-damaged',
      message: expect.stringContaining('"moon.landed"'),
      hint: expect.stringContaining('newer'),
    });
  });

  it('stops writing when somebody else wrote to it or took it away', async () => {
    const path = await journalWith(['one']);
    const { writer } = await JournalWriter.open(path, options);
    await appendFile(path, 'x');
    await expect(writer.append({ event: 'note', text: 'two' })).rejects.toMatchObject({ code: 'fenced-off' });
    await truncate(path, (await stat(path)).size - 1);
    await writer.append({ event: 'note', text: 'two' });
    const { rm } = await import('node:fs/promises');
    await rm(path);
    await expect(writer.append({ event: 'note', text: 'three' })).rejects.toMatchObject({
      code: 'journal-unwritable',
    });
    await writer.close();
  });

  it('refuses to record what is not an event, and leaves the file as it was', async () => {
    const path = await journalWith([]);
    const before = await readFile(path);
    const { writer } = await JournalWriter.open(path, options);
    await expect(writer.append({ event: 'step.started' } as never)).rejects.toMatchObject({
      code: 'internal',
    });
    await writer.close();
    expect(await readFile(path)).toEqual(before);
  });

  it('reads on from where it was, leaving a line that is still being written', async () => {
    const path = await journalWith(['one']);
    const reader = new JournalReader(path);
    await reader.readOn();
    const { writer } = await JournalWriter.open(path, options);
    await writer.append({ event: 'note', text: 'two' });
    await writer.close();
    const size = (await stat(path)).size;
    const whole = await readFile(path);
    await truncate(path, size - 20);
    await reader.readOn();
    expect(reader.entries).toHaveLength(2);
    await writeFile(path, whole);
    expect(await reader.readOn()).toBeNull();
    expect(reader.entries.at(-1)).toMatchObject({ text: 'two' });
  });
});
