import { stat } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { nothingIfMissing } from '../../engine/durable.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { quote } from './identifiers.ts';
import { readWal } from './wal.ts';

/** A private copy of a database. It is ours alone: nobody else's locks are at stake, and checking blocks. */

export interface CopyCheck {
  ok: boolean;
  /** What is wrong, as SQLite says it, without row values; empty when it is sound. */
  problems: string[];
  /** Tables with a generated column or an index that calls a function only the application has: looked at less. */
  partly: string[];
}

/** The whole file: structure, indexes, constraints. Takes about 3 s per GB. */
export function checkCopy(path: string): CopyCheck {
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

/** Merges a log or rolls back a journal that was copied along; leaves one file in journal mode DELETE. */
export async function mergeCopy(path: string): Promise<void> {
  try {
    const log = `${path}-wal`;
    // SQLite passes over such a log without a word, and with it over every commit in it.
    if ((await stat(log).catch(nothingIfMissing))?.size && !(await readWal(log, 0)))
      throw new Error('its beginning is damaged');
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
