import { TenantDrError } from '../../errors.ts';
import type { Counter } from './catalog.ts';
import { sqlState } from './errors.ts';
import { ident, literal } from './identifiers.ts';
import type { Slot, Workspace } from './workspace.ts';

/** The furthest value that came back: a row that was there all the time never needed a higher counter. */
function reached(slot: Slot, { column, increment }: Counter): string {
  const extreme = increment.startsWith('-') ? 'min' : 'max';
  return `(SELECT ${extreme}(${ident(column)})::numeric FROM ${slot.want} WHERE tdr_kind = 'i' OR ${literal(column)} = ANY (tdr_columns))`;
}

/** A small gap is closed by taking values, which can never lower the counter whatever others do meanwhile. */
const small = 5000;

/**
 * Raises the counters behind key columns past the values that came back, never lowers one. `setval` is not undone
 * by a rollback, so this runs last; a rolled-back restore may leave a counter higher.
 */
export async function raiseCounters(work: Workspace): Promise<string[]> {
  const counters = work.slots.flatMap((slot) =>
    slot.rows.want === 0
      ? []
      : slot.relation.counters
          .filter((counter) => !counter.cycles && slot.common?.includes(counter.column))
          .map((counter) => ({ slot, counter })),
  );
  const notes: string[] = [];
  for (const { slot, counter } of await lagging(work, counters)) {
    const note = await raise(work, slot, counter);
    if (note) notes.push(note);
  }
  return notes;
}

interface Counted {
  slot: Slot;
  counter: Counter;
}

/** Counters that may have to be raised, asked in one message; all of them where one may not be asked. */
async function lagging(work: Workspace, counters: Counted[]): Promise<Counted[]> {
  if (counters.length === 0) return [];
  const queries = counters.map(({ slot, counter }, i) => {
    const down = counter.increment.startsWith('-');
    return `SELECT ${i} AS i FROM ${counter.sequence} WHERE ${reached(slot, counter)} ${down ? '<=' : '>='} last_value`;
  });
  try {
    const [, rows] = await work.sql.each([
      'SAVEPOINT tdr_counter',
      queries.join(' UNION ALL '),
      'RELEASE SAVEPOINT tdr_counter',
    ]);
    return (rows ?? []).map((row) => counters[Number(row.i)] as Counted);
  } catch (error) {
    if (!isDenied(error)) throw error;
    await work.sql.run('ROLLBACK TO SAVEPOINT tdr_counter; RELEASE SAVEPOINT tdr_counter');
    return counters;
  }
}

function isDenied(error: unknown): boolean {
  return sqlState(error) === '42501' || (error instanceof TenantDrError && error.code === 'database-denied');
}

async function raise(work: Workspace, slot: Slot, counter: Counter): Promise<string | null> {
  const down = counter.increment.startsWith('-');
  const name = literal(counter.sequence);
  await work.sql.run('SAVEPOINT tdr_counter');
  try {
    const [row] = await work.sql.rows(
      `SELECT reached, last, called, abs(reached - last) / ${counter.increment.replace('-', '')} AS gap,
        (SELECT ${down ? 'seqmin' : 'seqmax'} FROM pg_sequence WHERE seqrelid = ${name}::regclass) AS "end"
       FROM (SELECT ${reached(slot, counter)} AS reached, last_value AS last, is_called AS called FROM ${counter.sequence}) q`,
    );
    const last = BigInt(row?.last ?? '0');
    if (row?.reached == null) return await release(work, null);
    const wanted = BigInt(row.reached.split('.')[0] as string);
    const behind = down ? wanted < last : wanted > last;
    const unused = wanted === last && row.called === 'f';
    if (!behind && !unused) return await release(work, null);
    const end = BigInt(row.end ?? '0');
    // Raised to its end it would have no value left for anybody.
    if (down ? wanted <= end : wanted >= end)
      return await release(
        work,
        `Counter ${counter.sequence} was left as it is: ${wanted}, which came back, is the end of its range or beyond it.`,
      );
    if (Number(row.gap) <= small) {
      const steps = Math.ceil(Number(row.gap)) + (row.called === 'f' ? 1 : 0);
      await work.sql.run(`SELECT count(nextval(${name})) FROM generate_series(1, ${steps})`);
    } else {
      await work.sql.run(
        `SELECT setval(${name}, ${wanted}) FROM ${counter.sequence} s WHERE s.last_value ${down ? '>' : '<'} ${wanted}`,
      );
    }
    return await release(work, `Counter ${counter.sequence} was raised to ${wanted}.`);
  } catch (error) {
    if (!isDenied(error)) throw error;
    await work.sql.run('ROLLBACK TO SAVEPOINT tdr_counter; RELEASE SAVEPOINT tdr_counter');
    return `Counter ${counter.sequence} could not be checked: this role may not use it.`;
  }
}

async function release(work: Workspace, note: string | null): Promise<string | null> {
  await work.sql.run('RELEASE SAVEPOINT tdr_counter');
  return note;
}
