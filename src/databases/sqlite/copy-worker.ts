import Database from 'better-sqlite3';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { serveJob } from '../job-child.ts';
import type { CopyCheck, CopyRequest } from './copy-jobs.ts';
import { quote } from './identifiers.ts';

/** The child process behind copy-jobs.ts. The copies are ours alone: nobody else's locks are at stake. */
serveJob<CopyRequest>(async (request) =>
  request.do === 'check' ? check(request.path) : merge(request.path),
);

function check(path: string): CopyCheck {
  try {
    const copy = new Database(path, { readonly: true, fileMustExist: true });
    try {
      const partly: string[] = [];
      const problems = checked(copy, partly);
      return { ok: problems.length === 0, problems, partly };
    } finally {
      copy.close();
    }
  } catch (error) {
    return { ok: false, problems: [reasonOf(error)], partly: [] };
  }
}

/** Of the whole file; table by table where a table calls what only the application's own connection knows. */
function checked(copy: Database.Database, partly: string[]): string[] {
  const whole = looked(copy, 'integrity_check(20)');
  if (whole) return whole;
  const names = copy
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
    .pluck()
    .all();
  return (names as string[]).flatMap((name) => {
    const found = looked(copy, `integrity_check(${quote(name)})`);
    if (found) return found;
    partly.push(name);
    return looked(copy, `quick_check(${quote(name)})`) ?? [];
  });
}

/** What a check found; null when it needs an unknown function. */
function looked(copy: Database.Database, check: string): string[] | null {
  try {
    const rows = copy.pragma(check) as Record<string, string>[];
    return rows.flatMap((row) => Object.values(row)).filter((text) => text !== 'ok');
  } catch (error) {
    if (/(unknown|no such) function/.test(reasonOf(error))) return null;
    throw error;
  }
}

function merge(path: string): void {
  try {
    const copy = new Database(path, { fileMustExist: true });
    try {
      const [row] = copy.pragma('journal_mode = DELETE') as { journal_mode: string }[];
      if (row?.journal_mode !== 'delete') throw new Error(`the journal mode stayed ${row?.journal_mode}`);
    } finally {
      copy.close();
    }
  } catch (error) {
    throw new TenantDrError(
      'backup-corrupt',
      `The log beside the backup could not be merged: ${reasonOf(error)}.`,
      {
        hint: 'use another backup',
        cause: error,
      },
    );
  }
}
