import { execFileSync, spawnSync } from 'node:child_process';
import { createReadStream, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decompress } from '../../src/backups/decompress.ts';
import { compressionOf } from '../../src/backups/formats.ts';
import { seeded } from '../../src/demo/random.ts';
import { TenantDrError } from '../../src/errors.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { words } from './helpers.ts';

/** Everything is compared with what the zstd and gzip programs make of the same bytes. */
const folder = folderOfTheFile('backups');
const original = Buffer.from(Array.from({ length: 700 }, (_, index) => words(index)).join('\n'));
const third = Math.floor(original.length / 3);
const pieces = [
  original.subarray(0, third),
  original.subarray(third, 2 * third),
  original.subarray(2 * third),
];

const zstd = (input: Buffer, ...options: string[]) =>
  execFileSync('zstd', ['-q', '-c', ...options], { input });
const gzip = (input: Buffer, ...options: string[]) => execFileSync('gzip', ['-c', ...options], { input });

/** The program reads a file, so that it knows the size and writes it into the frame. */
function zstdFile(input: Buffer, ...options: string[]): Buffer {
  const path = join(folder, 'input');
  writeFileSync(path, input);
  return execFileSync('zstd', ['-q', '-c', ...options, path]);
}

const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from('hello')]);

const files: Record<string, Buffer> = {
  'one zstd frame of known size': zstdFile(original),
  'one zstd frame of unknown size': zstd(original),
  'a zstd frame without a checksum': zstdFile(original, '--no-check'),
  'several zstd frames': Buffer.concat(pieces.map((piece) => zstdFile(piece))),
  'zstd frames of known and unknown size': Buffer.concat(
    pieces.map((piece, index) => (index === 1 ? zstd : zstdFile)(piece)),
  ),
  'zstd frames with a skippable one between': Buffer.concat([
    zstdFile(original),
    skippable,
    zstdFile(pieces[0] as Buffer),
  ]),
  'an empty zstd frame between others': Buffer.concat([
    zstdFile(original),
    zstd(Buffer.alloc(0)),
    zstdFile(original),
  ]),
  'zstd in its highest level': zstd(original, '-19'),
  'zstd by two threads': zstd(original, '-T2', '-B65536'),
  'a zstd frame with a long window': zstd(original, '--long=27'),
  'one gzip member': gzip(original),
  'several gzip members': Buffer.concat(pieces.map((piece) => gzip(piece, '-1'))),
  'gzip at its highest level': gzip(original, '-9'),
};

interface Outcome {
  ok: boolean;
  content: Buffer;
  code: string;
}

async function ours(bytes: Buffer, chunk = 1 << 20): Promise<Outcome> {
  const path = join(folder, 'ours');
  writeFileSync(path, bytes);
  const parts: Buffer[] = [];
  try {
    const stream = createReadStream(path, { highWaterMark: chunk });
    for await (const part of decompress(compressionOf(bytes), overwritten(stream), statSync(path).size))
      parts.push(Buffer.from(part));
    return { ok: true, content: Buffer.concat(parts), code: '' };
  } catch (error) {
    if (!(error instanceof TenantDrError)) throw error;
    return { ok: false, content: Buffer.concat(parts), code: error.code };
  }
}

/** Chunks as good as their word: what was handed out is gone when the next is asked for. */
async function* overwritten(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield chunk;
    chunk.fill(0xaa);
  }
}

function theirs(bytes: Buffer): Outcome {
  const program = compressionOf(bytes) === 'zstd' ? 'zstd' : 'gzip';
  const { status, stdout } = spawnSync(program, ['-q', '-dc'], { input: bytes, maxBuffer: 2 ** 30 });
  return { ok: status === 0, content: stdout, code: '' };
}

test.each(Object.entries(files))('reads %s like the program does, whatever the chunks', async (_, bytes) => {
  const expected = theirs(bytes);
  expect(expected.ok).toBe(true);
  for (const chunk of [1 << 20, 65_536, 777]) {
    const got = await ours(bytes, chunk);
    expect(got.code).toBe('');
    expect(got.content.equals(expected.content)).toBe(true);
  }
});

test('reads gzip members whose boundary falls on a chunk boundary', async () => {
  const first = gzip(original);
  const got = await ours(Buffer.concat([first, gzip(pieces[1] as Buffer)]), first.length);
  expect(got.content.equals(Buffer.concat([original, pieces[1] as Buffer]))).toBe(true);
});

test.each(Object.entries(files))('notices %s cut off anywhere', async (_, bytes) => {
  const steps = 8;
  for (let step = 1; step < steps; step++) {
    const cut = bytes.subarray(0, Math.floor((bytes.length * step) / steps));
    const expected = theirs(cut);
    const got = await ours(cut);
    // Only a cut between two frames or members leaves a file that is whole by itself.
    if (expected.ok) expect(got.content.equals(expected.content)).toBe(true);
    else expect([step, got.code]).toEqual([step, 'backup-truncated']);
  }
});

/** Without a hash of the content nobody can notice every flip: such files are checked as databases instead. */
const protectedFiles = Object.entries(files).filter(([name]) => !name.includes('without a checksum'));

test.each(protectedFiles)('never takes %s with a flipped bit for another content', async (_, bytes) => {
  const random = seeded(7);
  const intact = theirs(bytes).content;
  for (let round = 0; round < 8; round++) {
    const damaged = Buffer.from(bytes);
    const at = random.between(4, damaged.length - 1);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << random.between(0, 7));
    const got = await ours(damaged);
    // Some bits carry nothing: a time in a gzip header, the content of a skippable frame.
    if (got.ok) expect([at, got.content.equals(intact)]).toEqual([at, true]);
    else expect([at, got.code]).toEqual([at, expect.stringMatching(/^backup-(corrupt|truncated)$/)]);
  }
});

test.each([
  ['zstd', zstdFile(original)],
  ['gzip', gzip(original)],
])('refuses %s data with something after its end', async (_, bytes) => {
  for (const rest of ['x', 'garbage that follows', '\0'.repeat(2000)]) {
    for (const chunk of [1 << 20, bytes.length, 777]) {
      const got = await ours(Buffer.concat([bytes, Buffer.from(rest)]), chunk);
      expect([rest.length, chunk, got.ok]).toEqual([rest.length, chunk, false]);
    }
  }
});

test('says how the content is protected', async () => {
  const check = async (bytes: Buffer) => {
    const path = join(folder, 'protected');
    writeFileSync(path, bytes);
    const decoding = decompress(compressionOf(bytes), createReadStream(path), bytes.length);
    for (;;) {
      const { done, value } = await decoding.next();
      if (done) return value.checksummed;
    }
  };
  expect(await check(zstdFile(original))).toBe(true);
  expect(await check(zstdFile(original, '--no-check'))).toBe(false);
  expect(await check(gzip(original))).toBe(true);
});
