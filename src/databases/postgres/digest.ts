import { MultisetHash, sliceDigest } from '../../engine/digest.ts';
import type { SliceDigest } from '../../engine/port.ts';
import { readHashes } from './copy-binary.ts';
import { rowHash } from './encoding.ts';
import type { Slot, Workspace } from './workspace.ts';
import { sameRow } from './workspace.ts';

/** Row encodings are documented in `encoding.ts`, the sum in `engine/digest.ts`. The server hashes, we add up. */
export type TableHashes = Map<string, MultisetHash>;

/** One `SELECT number, hash` per table, read in one go. */
async function sums(
  work: Workspace,
  queries: { slot: Slot; query: string; subtract?: boolean }[],
  start?: TableHashes,
): Promise<TableHashes> {
  const hashes: TableHashes = new Map();
  for (const slot of work.slots)
    hashes.set(slot.slice.name, start?.get(slot.slice.name)?.copy() ?? new MultisetHash());
  if (queries.length === 0) return hashes;
  const numbered = queries.map(({ query }, i) => `SELECT ${i}::int4, h FROM (${query}) q${i}(h)`);
  const targets = queries.map(({ slot, subtract }) => ({
    sum: hashes.get(slot.slice.name) as MultisetHash,
    subtract,
  }));
  await readHashes(work.sql, numbered.join(' UNION ALL '), (number, buffer, at) => {
    const target = targets[number];
    if (target?.subtract) target.sum.subtract(buffer, at);
    else target?.sum.add(buffer, at);
  });
  return hashes;
}

export function hashLive(work: Workspace): Promise<TableHashes> {
  const slots = work.slots.filter((slot) => slot.rows.live > 0);
  return sums(
    work,
    slots.map((slot) => ({ slot, query: `SELECT tdr_hash FROM ${slot.live}` })),
  );
}

/** The live slice's hashes with the compared effects applied: arithmetic, so that only changed rows are read. */
export function hashPlanned(work: Workspace, live: TableHashes): Promise<TableHashes> {
  const queries = work.slots.flatMap((slot) => [
    ...(slot.rows.gone > 0 ? [{ slot, query: `SELECT tdr_hash FROM ${slot.gone}`, subtract: true }] : []),
    ...(slot.rows.want > 0
      ? [
          {
            slot,
            query: `SELECT l.tdr_hash FROM ${slot.want} w JOIN ${slot.live} l ON ${sameRow('l', 'w')}`,
            subtract: true,
          },
          { slot, query: `SELECT ${rowHash('w', slot.columns)} FROM ${slot.want} w` },
        ]
      : []),
  ]);
  return sums(work, queries, live);
}

/** @param from the hashes a change was computed from, where these are those after it */
export function finishLive(work: Workspace, hashes: TableHashes, from?: TableHashes): SliceDigest {
  const tables: SliceDigest['tables'] = {};
  for (const slot of work.slots) {
    tables[slot.slice.name] = (hashes.get(slot.slice.name) as MultisetHash).finish(
      slot.slice.name,
      slot.columns,
      from?.get(slot.slice.name),
    );
  }
  return sliceDigest(tables);
}

/** Digest of the staged slice, over the columns both sides have, as the present types print them. */
export async function digestStaged(work: Workspace): Promise<SliceDigest> {
  const slots = work.slots.filter((slot) => slot.rows.staged > 0);
  const hashes = await sums(
    work,
    slots.map((slot) => ({ slot, query: `SELECT tdr_hash FROM ${slot.staged}` })),
  );
  const tables: SliceDigest['tables'] = {};
  for (const slot of work.slots) {
    if (slot.common)
      tables[slot.slice.name] = (hashes.get(slot.slice.name) as MultisetHash).finish(
        slot.slice.name,
        slot.common,
      );
  }
  return sliceDigest(tables);
}
