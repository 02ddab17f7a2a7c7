import type { Conflict } from '../../engine/plan.ts';
import { reasonOf } from '../../errors.ts';
import { quote, temporary } from './identifiers.ts';
import { keyTextOf, named } from './ownership.ts';
import { scratchTable } from './scratch.ts';
import { fromSource, newValue } from './source.ts';
import { checksIn, definitionAs, withWholeChecks } from './stored-text.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { affinityIn, located } from './workspace.ts';

/**
 * Rows to write that a rule the backup's table did not have would refuse: a CHECK, or the types of a STRICT table. They
 * are written, as they will be, into an empty temporary table of the live definition. Where no rule is new, nothing is.
 */
export function findRefused(work: Workspace, table: TableWork): Conflict[] {
  if (!hasNewRules(table)) return [];
  const trial = temporary(`trial_${table.index}`);
  const { name, sql = '', columns } = table.live;
  const known = columns.map((column) => column.name);
  try {
    scratchTable(work.connection, trial, withWholeChecks(definitionAs(trial, { name, sql, columns: known })));
  } catch (error) {
    if (codeOf(error) !== 'SQLITE_ERROR') throw error;
    // What only the application's connection has is missing here as well as there: `findStuck` names it.
    return [];
  }
  const into = intoTrial(work, table, trial);
  try {
    if (tryRows(into.all) === null) return [];
    return refusedRows(work, table, into);
  } finally {
    work.connection.exec(`DELETE FROM temp.${trial}`);
  }
}

function hasNewRules({ live, staged, common }: TableWork): boolean {
  if (!staged || live.sql === staged.sql) return false;
  const former = checksIn(staged.sql ?? '');
  const checks = checksIn(live.sql ?? '');
  // A safety copy has every CHECK holding always: as many as now are taken for the same, or each undo would try its rows.
  const ours = former.length === checks.length && former.every((check) => check === '1');
  if (!ours && checks.some((check) => !former.includes(check))) return true;
  const typeOf = (table: typeof live, name: string): string =>
    table.columns.find((column) => column.name === name)?.type.toUpperCase() ?? '';
  if (live.strict && common.some((name) => !staged.strict || typeOf(live, name) !== typeOf(staged, name)))
    return true;
  return checks.length > 0 && common.some((name) => affinityIn(live, name) !== affinityIn(staged, name));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

type Statement = { run(...bound: unknown[]): unknown };

interface IntoTrial {
  all: Statement[];
  /** The same for one effect, by its number. */
  one: Statement[];
  empty: Statement;
}

function intoTrial({ connection }: Workspace, table: TableWork, trial: string): IntoTrial {
  const columns = table.columns.map(quote).join(', ');
  const source = `temp.${table.names.effects} e CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')}`;
  const live = `CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'e', 'l')}`;
  const values = (inserting: boolean): string =>
    table.columns.map((column) => newValue(table, column, inserting)).join(', ');
  const written = [
    `SELECT ${values(true)} FROM ${source} WHERE e.op = 'i'`,
    `SELECT ${values(false)} FROM ${source} ${live} WHERE e.op IN ('u', 'r')`,
    // A conflict clause of the table (ON CONFLICT ROLLBACK) would end the transaction all this stands in.
  ].map((rows) => `INSERT OR ABORT INTO temp.${trial} (${columns}) ${rows}`);
  return {
    all: written.map((sql) => connection.prepare(sql)),
    one: written.map((sql) => connection.prepare(`${sql} AND e.rowid = ?`)),
    empty: connection.prepare(`DELETE FROM temp.${trial}`),
  };
}

/** What the rules said against it; null where nothing. Keys and unique values are looked at elsewhere. */
function tryRows(statements: Statement[], ...effect: bigint[]): string | null {
  try {
    for (const statement of statements) statement.run(...effect);
    return null;
  } catch (error) {
    const code = codeOf(error);
    if (!code.startsWith('SQLITE_CONSTRAINT')) throw error;
    return ['SQLITE_CONSTRAINT_CHECK', 'SQLITE_CONSTRAINT_DATATYPE'].includes(code) ? reasonOf(error) : '';
  }
}

/** Each row by itself, until enough are found. */
function refusedRows(work: Workspace, table: TableWork, { one, empty }: IntoTrial): Conflict[] {
  const rows = work.connection
    .prepare(
      `SELECT e.rowid, ${keyTextOf(table, 's')} FROM temp.${table.names.effects} e ` +
        `CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} WHERE e.op IN ('i', 'u', 'r') ORDER BY e.s0`,
    )
    .raw()
    .all() as [bigint, string][];
  const refused: Conflict[] = [];
  for (const [effect, key] of rows) {
    if (refused.length >= named) break;
    empty.run();
    const said = tryRows(one, effect);
    if (said) refused.push(refusal(table, key, said));
  }
  return refused;
}

function refusal({ slice: { name: table }, index }: TableWork, key: string, said: string): Conflict {
  const check = /^CHECK constraint failed: (.*)$/s.exec(said)?.[1];
  // The brackets are ours, and so is the table's name.
  const whole = /^\((.*)\)$/s.exec(check ?? '')?.[1]?.replaceAll(temporary(`trial_${index}`), quote(table));
  const typed = /^cannot store (\w+) value in (\w+) column .*\.([^.]+)$/s.exec(said);
  const rule = whole?.trim() ?? check ?? typed?.[3] ?? said;
  const why = typed ? `${rule} holds ${typed[1]}, where only ${typed[2]} may be` : `it breaks ${rule}`;
  return {
    kind: 'value-does-not-fit',
    table,
    key,
    constraint: rule,
    detail: `${table} ${key} of the backup does not fit the present table, whose rules changed since: ${why}.`,
    blocking: true,
  };
}
