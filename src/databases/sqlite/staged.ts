import type { StagedSource } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { type Connection, connect } from './connect.ts';

/** Attaches a staged file as `staged`. Throws backup-not-a-database for anything that is no database file. */
export function attachStaged(connection: Connection, source: StagedSource): void {
  if (source.form !== 'database-file') {
    throw new TenantDrError(
      'backup-not-a-database',
      'This backup is not of a SQLite database. Nothing was changed.',
      { hint: 'Choose a backup of the configured database.' },
    );
  }
  // Asking the staged file alone first gives errors that name it, not the live database.
  connect(source.path, 'read').close();
  connection.prepare('ATTACH ? AS staged').run(source.path);
}
