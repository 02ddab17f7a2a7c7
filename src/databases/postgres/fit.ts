import type { Conflict } from '../../engine/plan.ts';
import { TenantDrError } from '../../errors.ts';
import { castTo } from './encoding.ts';
import { sqlState } from './errors.ts';
import { ident } from './identifiers.ts';
import { named } from './ownership.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf } from './workspace.ts';

export interface Fitting {
  /** INSERT of the rows numbered from..to; null: of all. */
  insert: (from: string | null, to: string | null) => string;
  /** Query giving the row numbers concerned. */
  candidates: string;
  /** Where the printed values of a row can be found to name the one that does not fit. */
  culprit: { slot: Slot; from: string };
  /** INSERT of as much of the row with this number as is enough, where a row that does not fit whole is no matter. */
  bare?: (number: string) => string;
}

/**
 * Inserts rows into a temporary table. When the server refuses the whole, halves it until the rows that do not fit
 * the live types and constraints are alone, leaves those out and names them. Works inside a transaction only.
 */
export async function insertFitting(
  work: Workspace,
  fitting: Fitting,
): Promise<{ rows: number; misfits: Conflict[]; bared: boolean }> {
  const whole = await attempt(work, fitting.insert(null, null));
  if (whole.rows !== null) return { rows: whole.rows, misfits: [], bared: false };
  const numbers = (await work.sql.rows(`${fitting.candidates} ORDER BY 1`)).map(
    (row) => Object.values(row)[0] as string,
  );
  const misfits: Conflict[] = [];
  let bared = false;
  const halve = async (from: number, to: number): Promise<number> => {
    if (from >= to || misfits.length >= named) return 0;
    const tried = await attempt(work, fitting.insert(numbers[from] as string, numbers[to - 1] as string));
    if (tried.rows !== null) return tried.rows;
    if (to - from === 1) {
      const bare = fitting.bare && (await attempt(work, fitting.bare(numbers[from] as string)));
      if (bare?.rows) {
        bared = true;
        return bare.rows;
      }
      misfits.push(await explain(work, fitting.culprit, numbers[from] as string, tried.error));
      return 0;
    }
    const middle = (from + to) >> 1;
    return (await halve(from, middle)) + (await halve(middle, to));
  };
  const rows = await halve(0, numbers.length);
  if (misfits.length === 0 && !bared) throw whole.error;
  return { rows, misfits, bared };
}

type Attempt = { rows: number; error?: undefined } | { rows: null; error: TenantDrError };

async function attempt(work: Workspace, statement: string): Promise<Attempt> {
  try {
    const [, rows] = await work.sql.counts(`SAVEPOINT tdr_fit; ${statement}; RELEASE SAVEPOINT tdr_fit`);
    return { rows: rows ?? 0 };
  } catch (error) {
    if (!(error instanceof TenantDrError) || !isMisfit(error)) throw error;
    await work.sql.run('ROLLBACK TO SAVEPOINT tdr_fit; RELEASE SAVEPOINT tdr_fit');
    return { rows: null, error };
  }
}

/** Class 22 is a bad value, class 23 a broken constraint; the rest is no matter of single rows. */
function isMisfit(error: TenantDrError): boolean {
  const state = sqlState(error) ?? '';
  return state.startsWith('22') || state.startsWith('23');
}

async function explain(
  work: Workspace,
  culprit: Fitting['culprit'],
  number: string,
  error: TenantDrError,
): Promise<Conflict> {
  const { slot, from } = culprit;
  const printed = await rawKey(work, culprit, number);
  const column = (await refusedColumn(work, culprit, number)) ?? constraintOf(error);
  const what = column === undefined ? 'a value' : column;
  return {
    kind: 'value-does-not-fit',
    table: slot.slice.name,
    key: printed,
    ...(column === undefined ? {} : { constraint: column }),
    detail: `${slot.slice.name} ${printed}: ${what} of the backup does not fit the present table (${from.includes('raw') ? 'its type' : 'a rule of the table'} changed since).`,
    blocking: true,
  };
}

async function rawKey(work: Workspace, culprit: Fitting['culprit'], number: string): Promise<string> {
  const names =
    culprit.slot.slice.key.length > 0 ? culprit.slot.slice.key : (culprit.slot.common ?? []).slice(0, 1);
  const list = names.map((name) => `${ident(name)}::text`).join(', ');
  const [row] = await work.sql.rows(`SELECT ${list} FROM ${culprit.from} WHERE tdr_n = ${number}`);
  const values = Object.values(row ?? {}).map((value, i) => {
    const column = columnOf(culprit.slot, names[i] as string);
    return value !== null &&
      ['smallint', 'integer', 'bigint'].includes(column.baseType) &&
      /^-?\d+$/.test(value)
      ? value
      : JSON.stringify(value);
  });
  return `[${values.join(',')}]`;
}

/** The first column whose printed value cannot be read as its live type. */
async function refusedColumn(
  work: Workspace,
  culprit: Fitting['culprit'],
  number: string,
): Promise<string | undefined> {
  for (const name of culprit.slot.common ?? []) {
    const value = castTo(columnOf(culprit.slot, name), `${ident(name)}::text`);
    const tried = await attempt(work, `SELECT ${value} FROM ${culprit.from} WHERE tdr_n = ${number}`);
    if (tried.rows === null) return name;
  }
  return undefined;
}

function constraintOf(error: TenantDrError): string | undefined {
  const cause = error.cause;
  if (typeof cause !== 'object' || cause === null) return undefined;
  for (const field of ['constraint', 'column']) {
    const value = field in cause ? (cause as Record<string, unknown>)[field] : undefined;
    if (typeof value === 'string') return value;
  }
  return undefined;
}
