import type { Conflict } from '../../engine/plan.ts';
import { reasonOf } from '../../errors.ts';
import { statementsOf } from './apply.ts';
import type { TableWork, Workspace } from './workspace.ts';

/**
 * Statements of the change that cannot even be prepared, because a trigger or a rule of the application calls
 * what only the application's own connection has (a function, say), or what is gone. Read-only.
 */
export function findStuck(work: Workspace, table: TableWork, operations: string[]): Conflict[] {
  const reasons = statementsOf(work, table)
    .filter(({ operation }) => operations.includes(operation))
    .flatMap(({ sql }) => (sql === null ? [] : (whyNot(work, sql) ?? [])));
  const names = table.live.triggers.map((trigger) => trigger.name).join(', ');
  return [...new Set(reasons)].map((reason) => ({
    kind: 'trigger-cannot-run',
    table: table.slice.name,
    key: '',
    detail: `Rows of ${table.slice.name} can't be written from here: ${reason}. Only the application's own connection can run ${names ? `its triggers (${names})` : 'its checks'}.`,
    blocking: true,
  }));
}

function whyNot(work: Workspace, sql: string): string | null {
  try {
    work.connection.prepare(sql);
    return null;
  } catch (error) {
    return reasonOf(error).replace(
      / - should this be a string literal in single-quotes\?$/,
      ' (a text in double quotes?)',
    );
  }
}
