import type { Database } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';

/**
 * The adapter for a database URL: `sqlite:<absolute path>` or `postgres://…`. Only the one that is needed is
 * loaded. Opens nothing yet. Rejects with `usage` for anything else.
 */
export async function databaseAt(url: string): Promise<Database> {
  if (url.startsWith('sqlite:')) {
    const { sqliteDatabase } = await import('./sqlite/database.ts');
    return sqliteDatabase(url.slice('sqlite:'.length));
  }
  if (/^postgres(ql)?:/.test(url)) {
    const { postgresDatabase } = await import('./postgres/database.ts');
    return postgresDatabase(url);
  }
  throw new TenantDrError('usage', 'the database must be sqlite:<path> or postgres://…', {
    hint: 'a bare path is read as SQLite',
  });
}
