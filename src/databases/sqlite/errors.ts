import { reasonOf, TenantDrError } from '../../errors.ts';

/** Messages our guard triggers raise start with this; the rest is a JSON array [table, operation, key]. */
export const isolationPrefix = 'tenant-dr isolation ';

interface SqliteFailure {
  code: string;
  message: string;
}

function isSqliteFailure(error: unknown): error is SqliteFailure {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'string';
}

/**
 * Turns what SQLite threw into an error a person can act on.
 * @param location the database concerned, as shown to the person
 */
export function fromSqlite(error: unknown, location: string): TenantDrError {
  if (error instanceof TenantDrError) return error;
  if (!isSqliteFailure(error)) return new TenantDrError('internal', reasonOf(error), { cause: error });
  const { code, message } = error;
  if (message.startsWith(isolationPrefix)) return isolationError(message);
  if (code === 'SQLITE_CONSTRAINT_TRIGGER') {
    return new TenantDrError(
      'trigger-refused',
      `A trigger of the application refused the change: ${message}. Everything was rolled back.`,
      {
        hint: 'Leave the table out with --tables, or remove the trigger for the time of the restore.',
        cause: error,
      },
    );
  }
  if (code.startsWith('SQLITE_CONSTRAINT')) {
    return new TenantDrError(
      'conflict',
      `The database refused a row: ${message}. Everything was rolled back.`,
      {
        hint: 'The row in the backup breaks a rule the live table has now. Leave the table out with --tables, or untick the row.',
        cause: error,
      },
    );
  }
  return byCode(code, message, location, error);
}

function isolationError(message: string): TenantDrError {
  const [table, operation, key] = JSON.parse(message.slice(isolationPrefix.length)) as [
    string,
    string,
    string,
  ];
  return new TenantDrError(
    'isolation-failed',
    `Something tried to ${operation} row ${key} of "${table}", which is not the tenant's. Everything was rolled back.`,
    {
      hint: 'A trigger of the application writes outside the tenant. Look at the triggers of the changed tables.',
      table,
      key,
    },
  );
}

function byCode(code: string, message: string, location: string, cause: unknown): TenantDrError {
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new TenantDrError(
      'database-busy',
      `${location} is locked by another program. Nothing was changed.`,
      {
        hint: 'Wait for the other writer or find it (`fuser <file>`), then run the same command again.',
        cause,
      },
    );
  }
  if (code === 'SQLITE_NOTADB') {
    return new TenantDrError(
      'database-not-a-database',
      `${location} is not a SQLite database, or is encrypted.`,
      {
        hint: 'Check the path.',
        cause,
      },
    );
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    return new TenantDrError('database-corrupt', `${location} is damaged: ${message}.`, {
      hint: 'Do not write to it. Keep a copy as evidence and restore the whole database from a verified backup.',
      cause,
    });
  }
  if (code === 'SQLITE_READONLY_ROLLBACK' || code === 'SQLITE_READONLY_RECOVERY') {
    return new TenantDrError(
      'database-hot-journal',
      `${location} has an unfinished transaction of a program that died (a hot journal). Nothing was changed.`,
      {
        hint: 'Start the application or open the database once with the sqlite3 shell, which completes or rolls it back, then try again.',
        cause,
      },
    );
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM') {
    return new TenantDrError(
      'database-read-only',
      `${location} or its folder is not writable for this user. Nothing was changed.`,
      {
        hint: 'Run as the user that owns the database file and its folder.',
        cause,
      },
    );
  }
  if (code === 'SQLITE_CANTOPEN' || code.startsWith('SQLITE_CANTOPEN') || code === 'SQLITE_AUTH') {
    return new TenantDrError('permission-denied', `${location} can't be opened. Nothing was changed.`, {
      hint: 'Check that the file and its folder exist and are readable; a database in WAL mode needs a writable folder.',
      cause,
    });
  }
  // What SQLite cannot tell apart: a quota, the largest size a file may have, and a disk that fails.
  if (code === 'SQLITE_IOERR_WRITE') {
    return new TenantDrError('disk-full', `The disk takes no more: ${message}. Everything was rolled back.`, {
      hint: "A quota or the largest allowed size of a file (`ulimit -f`) is reached, or the disk fails (the kernel's log, `dmesg`, says so). Put that right, then run the same command again.",
      cause,
    });
  }
  // A database in WAL mode needs its index before it can even be read.
  if (['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE'].includes(code)) {
    return new TenantDrError('disk-full', `The disk is full: ${message}. Everything was rolled back.`, {
      hint: 'Free space on the disk of the database and of the state folder, then run the same command again.',
      cause,
    });
  }
  return new TenantDrError('database-error', `SQLite reported ${code} on ${location}: ${message}.`, {
    cause,
  });
}
