import { hash } from 'node:crypto';
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { OpenOptions } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { realBits } from './encoding.ts';
import { fromSqlite } from './errors.ts';
import { atFirstChance, triesMilliseconds } from './turn.ts';

export type Connection = Database.Database;

/**
 * Opens a SQLite database. In mode `read` main file and -wal stay byte for byte as they are.
 * Never creates a file. Throws database-missing, database-not-a-database, database-hot-journal and friends.
 */
export function connect(path: string, mode: OpenOptions['mode']): Connection {
  requireFile(path);
  try {
    const connection = new Database(path, {
      readonly: mode === 'read',
      fileMustExist: true,
      timeout: triesMilliseconds,
    });
    try {
      prepare(connection);
      // The first read is what notices a foreign file, a hot journal or a missing right.
      atFirstChance(connection, () => connection.prepare('SELECT count(*) FROM sqlite_schema').get());
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    throw fromSqlite(error, path);
  }
}

function prepare(connection: Connection): void {
  connection.defaultSafeIntegers(true);
  connection.pragma('trusted_schema = ON');
  // better-sqlite3 switches enforcement on; a slice is copied and changed with it off, references are checked by key.
  connection.pragma('foreign_keys = OFF');
  connection.function('tenant_dr_bits', { deterministic: true, safeIntegers: false }, (value: unknown) =>
    realBits(Number(value)),
  );
  connection.function('tenant_dr_hash', { deterministic: true }, (value: unknown) =>
    hash('sha256', value as Buffer | string, 'buffer'),
  );
}

function requireFile(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) {
    throw new TenantDrError('database-missing', `There is no file ${path}.`, {
      hint: 'Check the path of the database in the config, DATABASE_PATH or --database.',
    });
  }
  if (!stat.isFile()) {
    throw new TenantDrError('database-not-a-database', `${path} is not a file.`, {
      hint: 'Name the database file itself.',
    });
  }
}

/** Device and inode: tells whether the file at a path is still the one that was opened. Opens nothing. */
export function fileIdentity(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat ? `${stat.dev}:${stat.ino}` : 'gone';
}

/** Throws database-replaced when the file at the path is no longer the one that was opened. */
export function requireSameFile(path: string, opened: string): void {
  if (fileIdentity(path) === opened) return;
  throw new TenantDrError(
    'database-replaced',
    `The file ${path} was replaced since it was opened. Nothing was changed.`,
    { hint: 'Find out who replaced it, then plan again.' },
  );
}

/** Foreign keys off, commits durable: both are silent no-ops at the wrong moment, so both are read back. */
export function prepareForWriting(connection: Connection): void {
  const wal = connection.pragma('main.journal_mode', { simple: true }) === 'wal';
  connection.pragma('foreign_keys = OFF');
  connection.pragma('recursive_triggers = OFF');
  connection.pragma(`main.synchronous = ${wal ? 'FULL' : 'EXTRA'}`);
  const foreignKeys = connection.pragma('foreign_keys', { simple: true });
  const synchronous = connection.pragma('main.synchronous', { simple: true });
  if (Number(foreignKeys) !== 0 || Number(synchronous) !== (wal ? 2 : 3)) {
    throw new TenantDrError(
      'internal',
      'SQLite did not take the settings a safe change needs. Nothing was changed.',
    );
  }
}
