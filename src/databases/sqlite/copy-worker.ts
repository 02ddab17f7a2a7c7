import Database from 'better-sqlite3';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { serveJob } from '../job-child.ts';
import type { CopyCheck, CopyRequest } from './copy-jobs.ts';

/** The child process behind copy-jobs.ts. The copies are ours alone: nobody else's locks are at stake. */
serveJob<CopyRequest>(async (request) =>
  request.do === 'check' ? check(request.path) : merge(request.path),
);

function check(path: string): CopyCheck {
  try {
    const copy = new Database(path, { readonly: true, fileMustExist: true });
    try {
      const rows = copy.pragma('integrity_check(20)') as { integrity_check: string }[];
      const problems = rows.map((row) => row.integrity_check).filter((text) => text !== 'ok');
      return { ok: problems.length === 0, problems };
    } finally {
      copy.close();
    }
  } catch (error) {
    return { ok: false, problems: [reasonOf(error)] };
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
