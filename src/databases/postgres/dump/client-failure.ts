import { TenantDrError } from '../../../errors.ts';

/** What goes wrong with the programs of the PostgreSQL client, as an error a person reads. */

/** The error of starting a program that is not there; null for any other. */
export function programMissing(name: 'pg_dump' | 'pg_restore', error: unknown): TenantDrError | null {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) return null;
  return new TenantDrError(
    'tool-missing',
    `${name} is not installed, and ${name === 'pg_dump' ? 'backups and copies of PostgreSQL are taken' : 'copies are made'} with it. Nothing was done.`,
    {
      hint: 'Install postgresql-client, of the server’s version or newer.',
    },
  );
}

/** `said`: what pg_dump wrote to its error output. */
export function dumpFailure(said: string): TenantDrError {
  const mismatch = /server version: (\d+)/.exec(said);
  if (mismatch && /version mismatch/.test(said)) {
    return new TenantDrError('tool-failed', `pg_dump is older than the server: ${said.split('\n')[0]}.`, {
      hint: `Install postgresql-client-${mismatch[1]}.`,
    });
  }
  if (/row-level security/.test(said)) {
    const table = /table "([^"]+)"/.exec(said)?.[1] ?? '?';
    return new TenantDrError(
      'hidden-rows',
      `Row-level security hides rows of table ${table} from this role, so it cannot be dumped whole. Nothing was done.`,
      {
        hint: 'Connect as a role with BYPASSRLS, or as the owner of a table without FORCE ROW LEVEL SECURITY.',
        table,
      },
    );
  }
  return new TenantDrError('tool-failed', `pg_dump failed: ${said}.`, {
    hint: 'Check rights and disk space, then try again.',
  });
}
