import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openStream } from '../../src/backups/open-stream.ts';
import { type ArchiveEntry, readArchive } from '../../src/databases/postgres/dump/archive.ts';
import { openArchiveData } from '../../src/databases/postgres/dump/archive-data.ts';
import { escapeCopy, unescapeCopy } from '../../src/databases/postgres/dump/copy-text.ts';
import { DdlReader, parseCopy } from '../../src/databases/postgres/dump/ddl.ts';
import { Lexer } from '../../src/databases/postgres/dump/lexer.ts';
import type { DumpEvent } from '../../src/databases/postgres/dump/plain.ts';
import { readPlain } from '../../src/databases/postgres/dump/plain.ts';
import type { RowTest } from '../../src/databases/postgres/dump/row-filter.ts';
import { RowFilter } from '../../src/databases/postgres/dump/row-filter.ts';
import { confirmedTar, confirmTar } from '../../src/databases/postgres/dump/tar.ts';
import { folderOfTheFile } from '../afterwards.ts';

/** Values that like to be mistaken for boundaries, markers or ids. */
const value = fc.oneof(
  fc.constantFrom(
    null,
    '',
    '7',
    '17',
    '77',
    '\\N',
    '\\.',
    '\\',
    '\t7\t',
    '\n7\n',
    '\n\\.\n',
    'ä',
    '😀',
    '\r\n',
    '\b\f\v',
  ),
  fc
    .string({ unit: 'binary', maxLength: 12 })
    .filter((text) => !text.includes('\0') && !/[\ud800-\udfff]/.test(text)),
);
const rows = (columns: number) =>
  fc.array(fc.array(value, { minLength: columns, maxLength: columns }), { maxLength: 30 });

function copyText(table: (string | null)[][]): Buffer {
  return Buffer.from(
    table
      .map((row) => `${row.map((field) => (field === null ? '\\N' : escapeCopy(field))).join('\t')}\n`)
      .join(''),
    'utf8',
  );
}

/** Cuts a buffer at the given places, wherever they fall. */
function cut(buffer: Buffer, places: number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (buffer.length + 1)))].sort((a, b) => a - b);
  return [...at, buffer.length].map((end, i) => buffer.subarray(i === 0 ? 0 : at[i - 1], end));
}

const latin1 = (text: string): string => Buffer.from(escapeCopy(text), 'utf8').toString('latin1');

describe('picking rows out of COPY text', () => {
  test('COPY escapes come back as they were', () => {
    fc.assert(
      fc.property(
        value,
        (field) => unescapeCopy(field === null ? '\\N' : escapeCopy(field)) === field || field === '\\N',
      ),
    );
  });

  test.each([0, 1, 3])(
    'finds exactly the rows whose field %i holds a wanted id, however the bytes are cut',
    (field) => {
      fc.assert(
        fc.property(
          rows(4),
          fc.array(fc.nat(2000), { maxLength: 8 }),
          fc.subarray(['7', '77', '\\', 'ä', '\t7\t', 'a'], { minLength: 1 }),
          (table, places, wanted) => {
            const keys = new Set(wanted.map(latin1));
            const test: RowTest = { all: false, ways: [{ fields: [field], keys, folded: false }] };
            const into = new Set<string>();
            const filter = new RowFilter(test, [{ fields: [2], folded: false, into }], 4);
            const found = cut(copyText(table), places).flatMap((chunk) =>
              filter.push(chunk).map((row) => row.toString('utf8')),
            );
            const expected = table.filter(
              (row) => row[field] !== null && wanted.includes(row[field] as string),
            );
            expect(
              found
                .join('')
                .split(/(?<=\n)/)
                .filter((row) => row !== '')
                .sort(),
            ).toEqual(
              copyText(expected)
                .toString('utf8')
                .split(/(?<=\n)/)
                .filter((row) => row !== '')
                .sort(),
            );
            expect([...into].sort()).toEqual(
              [
                ...new Set(expected.filter((row) => row[2] !== null).map((row) => latin1(row[2] as string))),
              ].sort(),
            );
          },
        ),
      );
    },
  );

  test.each([1, 9])(
    'a row that ends before its table does is damage, not a field of the next row (%i ids)',
    (ids) => {
      const keys = new Set(Array.from({ length: ids }, (_, i) => String(i + 1)));
      const test: RowTest = { all: false, ways: [{ fields: [0], keys, folded: false }] };
      const filter = new RowFilter(test, [{ fields: [2], folded: false, into: new Set() }], 3);
      expect(() => filter.push(Buffer.from('1\ta\n7\tb\tc\n'))).toThrow(/fewer values than its table/);
    },
  );

  test('finds rows by several fields together, by any of several ways, and hands over all rows where asked', () => {
    fc.assert(
      fc.property(rows(3), fc.array(fc.nat(2000), { maxLength: 8 }), fc.boolean(), (table, places, all) => {
        const ways = [
          { fields: [0, 1], keys: new Set([`${latin1('7')}\t${latin1('')}`, '7\t7']), folded: false },
          { fields: [2], keys: new Set(['17', 'zz', 'yy', 'xx']), folded: false },
        ];
        const filter = new RowFilter({ all, ways }, [], 3);
        const found = cut(copyText(table), places).flatMap((chunk) =>
          filter.push(chunk).map((row) => row.toString('utf8')),
        );
        const expected = table.filter(
          (row) => all || (row[0] === '7' && (row[1] === '' || row[1] === '7')) || row[2] === '17',
        );
        expect(found.join('')).toBe(copyText(expected).toString('utf8'));
      }),
    );
  });
});

test.each([
  ['none', (bytes: Buffer) => bytes],
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)(
  'bytes of a file (%s) are whole until the next are asked for, and all of them come',
  async (compression, pack) => {
    const path = join(folderOfTheFile('stream'), 'bytes');
    const parts = [randomBytes(5_500_000), Buffer.from('short'), randomBytes(1_200_000)];
    // Compressed one by one: members and frames that end anywhere in what is read at a time.
    await writeFile(path, Buffer.concat(parts.map((part) => pack(part))));
    const copies: Buffer[] = [];
    for await (const chunk of openStream(path, compression)) copies.push(Buffer.from(chunk));
    expect(Buffer.concat(copies).equals(Buffer.concat(parts))).toBe(true);
  },
);

async function read(text: string, places: number[], database: string | null = null): Promise<DumpEvent[]> {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (const chunk of cut(Buffer.from(text, 'utf8'), places)) if (chunk.length > 0) yield chunk;
  }
  const events: DumpEvent[] = [];
  for await (const event of readPlain(chunks(), 'test.sql', database)) {
    const last = events.at(-1);
    if (event.type === 'data' && last?.type === 'data') last.bytes = Buffer.concat([last.bytes, event.bytes]);
    else events.push(event.type === 'data' ? { type: 'data', bytes: Buffer.from(event.bytes) } : event);
  }
  return events;
}

const tricky = `--
-- PostgreSQL database dump
--

\\restrict abc

SET client_encoding = 'UTF8';
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $_$
BEGIN
COPY public.fake (a) FROM stdin;
1
\\.
  RAISE 'it''s; $$ $1';
END $_$;
/* COPY public.fake /* nested ; */ (a) FROM stdin; */
COMMENT ON TABLE t IS 'a; b
COPY public.fake (a) FROM stdin;
E\\';
SELECT E'a\\';b', $1, "we;ird""name";
COPY public."Mixed Case" ("Id", "se;l""ect", b) FROM stdin;
1\tx\t\\\\.
2\t\\N\t
\\.

COPY public.empty (a) FROM stdin;
\\.
COPY public.none  FROM stdin;

\\.
SELECT pg_catalog.setval('x', 1, true);
--
-- PostgreSQL database dump complete
--

\\unrestrict abc
`;

describe('reading plain SQL', () => {
  test('knows a COPY from what only looks like one, wherever the stream is cut', async () => {
    const whole = await read(tricky, []);
    expect(whole.filter((event) => event.type === 'copy')).toEqual([
      { type: 'copy', header: { schema: 'public', name: 'Mixed Case', columns: ['Id', 'se;l"ect', 'b'] } },
      { type: 'copy', header: { schema: 'public', name: 'empty', columns: ['a'] } },
      { type: 'copy', header: { schema: 'public', name: 'none', columns: [] } },
    ]);
    expect(
      whole.filter((event) => event.type === 'data').map((event) => event.bytes.toString('utf8')),
    ).toEqual(['1\tx\t\\\\.\n2\t\\N\t\n', '\n']);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5000), { maxLength: 40 }), async (places) => {
        expect(await read(tricky, places)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  test('of a dump of a whole cluster one database counts, and one it does not hold is missed', async () => {
    const part = (name: string): string =>
      `\\connect ${name}\nCREATE TABLE of_${name} ();\nCOPY public.t (a) FROM stdin;\n${name}\n\\.\n`;
    const cluster = `-- PostgreSQL database cluster dump\n${part('one')}${part('two')}-- PostgreSQL database cluster dump complete\n`;
    const texts = (await read(cluster, [], 'two')).map((event) =>
      event.type === 'data' ? event.bytes.toString() : event.type === 'statement' ? event.text : event.type,
    );
    expect(texts).toEqual(['CREATE TABLE of_two ()', 'copy', 'two\n', 'end']);
    await expect(read(cluster, [], 'three')).rejects.toThrow(
      'without a database called "three" (in it: one, two)',
    );
  });

  test('every byte alone gives the same', async () => {
    expect(
      await read(
        tricky,
        Array.from({ length: tricky.length }, (_, i) => i),
      ),
    ).toEqual(await read(tricky, []));
  });

  test('a file that was cut anywhere is reported, not read as a shorter one', async () => {
    const bytes = Buffer.from(tricky, 'utf8');
    const complete = bytes.indexOf('-- PostgreSQL database dump complete');
    for (let end = 40; end < complete; end += 7) {
      await expect(read(bytes.subarray(0, end).toString('utf8'), [])).rejects.toMatchObject({
        code: 'backup-truncated',
      });
    }
  });

  test.each([
    ['the end of rows', '\\.\n\nCOPY public.empty', '\\/\n\nCOPY public.empty'],
    ['the beginning of rows', 'COPY public."Mixed', 'COPX public."Mixed'],
  ])('%s that was lost is damage, not a table less', async (_, whole, broken) => {
    const damaged = tricky.replace(whole, broken);
    expect(damaged).not.toBe(tricky);
    await expect(read(damaged, [])).rejects.toMatchObject({ code: 'backup-corrupt' });
  });

  test.each(["E'", '"', '$x$', '/*'])('text after a %s that is never closed is not kept', (mark) => {
    const lexer = new Lexer();
    for (let chunk = 0; chunk < 3; chunk++) {
      lexer.push(`${chunk === 0 ? mark : ''}${'some text /* '.repeat(100)}`);
      expect(lexer.next()).toBeNull();
    }
    expect(lexer.idle).toBe(false);
    expect(lexer.drain().length).toBeLessThan(4);
  });

  test('definitions as pg_dump writes them', () => {
    const ddl = new DdlReader('public');
    ddl.read(`CREATE TABLE public."T 1" (
    id integer NOT NULL,
    "a,b" numeric(12,2) DEFAULT 1.5,
    c public.mood DEFAULT 'a, b'::public.mood NOT NULL,
    d timestamp(3) with time zone,
    e text COLLATE pg_catalog."C",
    g integer GENERATED ALWAYS AS ((id + 1)) STORED,
    f character varying(10)[],
    exclude boolean,
    NOT NULL h,
    CONSTRAINT x CHECK ((id > 0)),
    CONSTRAINT n NOT NULL i
)
PARTITION BY RANGE (id)`);
    ddl.read('ALTER TABLE ONLY public."T 1" ATTACH PARTITION public.t1_a FOR VALUES FROM (1) TO (10)');
    ddl.read('ALTER TABLE ONLY public."T 1"\n    ADD CONSTRAINT p PRIMARY KEY (id, "a,b")');
    const [table] = ddl.finish(new Map([['T 1', []]]), new Set(), { tables: [], fingerprint: '' }).tables;
    expect(
      table?.columns.map((column) => [
        column.name,
        column.type,
        column.notNull,
        column.hasDefault,
        column.generated,
      ]),
    ).toEqual([
      ['id', 'integer', true, false, false],
      ['a,b', 'numeric(12,2)', false, true, false],
      ['c', 'public.mood', true, true, false],
      ['d', 'timestamp(3) with time zone', false, false, false],
      ['e', 'text', false, false, false],
      ['g', 'integer', false, false, true],
      ['f', 'character varying(10)[]', false, false, false],
      ['exclude', 'boolean', false, false, false],
    ]);
    expect(table?.primaryKey).toEqual(['id', 'a,b']);
    expect(ddl.tableOf({ schema: 'public', name: 't1_a' })).toBe('T 1');
    expect(ddl.tableOf({ schema: 'other', name: 't1_a' })).toBeNull();
    expect(parseCopy('COPY t FROM stdin')).toEqual({ schema: null, name: 't', columns: [] });
  });
});

test('an archive of pg_dump 18 is read without its programs', async () => {
  const path = join(import.meta.dirname, '../fixtures/dumps/pg_dump-18.dump');
  const archive = await readArchive(path, 'custom');
  expect([archive.version, archive.known, archive.database]).toEqual(['1.16', true, 'fx']);
  const ddl = new DdlReader('public');
  for (const entry of archive.entries) ddl.read(entry.definition.trim().replace(/;$/, ''));
  expect(ddl.tables.get('derived')?.columns.map((column) => column.name)).toEqual(['extra']);
  const entry = archive.entries.find(({ kind, tag }) => kind === 'TABLE DATA' && tag === 'derived');
  const data = await openArchiveData(path, 'custom', archive);
  let rows = '';
  for await (const chunk of data(entry as ArchiveEntry)) rows += chunk.toString('utf8');
  expect(rows).toBe('1\t2\trow 1\n2\t1\trow 2\n3\t2\trow 3\n4\t1\trow 4\n5\t2\trow 5\n');
});

const lowered = (bytes: Buffer, at: number) => bytes.writeUInt8(bytes.readUInt8(at) - 1, at);

test.each<[string, (bytes: Buffer, position: number) => void]>([
  ['the block of another table', (bytes, position) => lowered(bytes, position + 2)],
  ['a length that makes no sense', (bytes, position) => bytes.writeUInt8(0x31, position + 6)],
  ['a block that ends before its rows do', (bytes, position) => bytes.fill(0, position + 6, position + 11)],
  ['an entry that is not counted', (bytes) => lowered(bytes, bytes.indexOf('18.6-3)') + 8)],
])('an archive with %s is damaged', async (_, damage) => {
  const fixture = join(import.meta.dirname, '../fixtures/dumps/pg_dump-18.dump');
  const isDerived = ({ kind, tag }: ArchiveEntry) => kind === 'TABLE DATA' && tag === 'derived';
  const { entries } = await readArchive(fixture, 'custom');
  const bytes = await readFile(fixture);
  damage(bytes, entries.find(isDerived)?.position as number);
  const path = join(folderOfTheFile('stream'), 'damaged.dump');
  await writeFile(path, bytes);
  const read = async () => {
    const archive = await readArchive(path, 'custom');
    const data = await openArchiveData(path, 'custom', archive);
    await toItsEnd(data(archive.entries.find(isDerived) as ArchiveEntry));
  };
  await expect(read()).rejects.toMatchObject({ code: 'backup-corrupt' });
});

async function toItsEnd(chunks: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of chunks);
}

test('a tar file that was cut off is not given to pg_restore, which would read on for ever', async () => {
  const folder = folderOfTheFile('stream');
  await writeFile(join(folder, 'member'), randomBytes(1000));
  const path = join(folder, 'whole.tar');
  await execa('tar', ['-cf', path, '-C', folder, 'member', 'member']);
  const bytes = await readFile(path);
  await confirmTar(path);
  for (const end of [100, 512, 700, 1536, 2048, 2500]) {
    await writeFile(join(folder, 'cut.tar'), bytes.subarray(0, end));
    const truncated = expect.objectContaining({ code: 'backup-truncated' });
    await expect(confirmTar(join(folder, 'cut.tar'))).rejects.toEqual(truncated);
    const piped = confirmedTar(openStream(join(folder, 'cut.tar'), 'none'), 'cut.tar');
    await expect(toItsEnd(piped)).rejects.toEqual(truncated);
  }
  bytes.writeUInt8(0x37, 124);
  await writeFile(path, bytes);
  await expect(confirmTar(path)).rejects.toMatchObject({ code: 'backup-corrupt' });
});

test('rows whose place in an archive was not noted are found whatever follows them, and a block that is missing is missed', async () => {
  const bytes = await readFile(join(import.meta.dirname, '../fixtures/dumps/pg_dump-18.dump'));
  const path = join(folderOfTheFile('unplaced'), 'a.dump');
  // From 17 on pg_dump writes its table of contents behind the rows when its output was redirected into a file.
  await writeFile(path, Buffer.concat([bytes, Buffer.from([0, 5, 0, 0, 0, 0, 1, 2, 3])]));
  const archive = await readArchive(path, 'custom');
  const last = Math.max(...archive.entries.map(({ position }) => position ?? 0));
  const unplaced = { ...archive, entries: archive.entries.map((entry) => ({ ...entry, position: null })) };
  const data = await openArchiveData(path, 'custom', unplaced);
  let rows = 0;
  for (const entry of unplaced.entries.filter(({ kind }) => kind === 'TABLE DATA'))
    for await (const chunk of data(entry)) rows += chunk.toString('utf8').split('\n').length - 1;
  expect(rows).toBe(5);
  await writeFile(path, bytes.subarray(0, last));
  await expect(openArchiveData(path, 'custom', unplaced)).rejects.toMatchObject({ code: 'backup-truncated' });
});
