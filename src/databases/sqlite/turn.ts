import type { Connection } from './connect.ts';
import { indexOf, type LogMark, markOf } from './log-mark.ts';

/** How long one call keeps trying for a lock; then the caller is asked whether to go on (`patience.ts`). */
export const triesMilliseconds = 200;

const clock = new Int32Array(new SharedArrayBuffer(4));

/**
 * Runs `work`, which takes a lock, again and again until it gets it. In rollback mode a writer that never pauses
 * leaves the lock free for some microseconds between two commits. SQLite's own waiting asks ten times in these
 * 200 ms and hardly ever meets such a moment; asking every half millisecond does.
 */
export function atFirstChance<T>(connection: Connection, work: () => T): T {
  const until = performance.now() + triesMilliseconds;
  connection.pragma('busy_timeout = 0');
  try {
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || performance.now() > until) throw error;
        // Never in step with the writer.
        Atomics.wait(clock, 0, 0, 0.3 + Math.random() * 0.4);
      }
    }
  } finally {
    connection.pragma(`busy_timeout = ${triesMilliseconds}`);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');
}

/** Begins a transaction that holds its lock; returns the version of the database it sees. */
export function begin(connection: Connection, statement: 'BEGIN' | 'BEGIN IMMEDIATE'): bigint {
  return atFirstChance(connection, () => {
    connection.exec(statement);
    try {
      // Reading a page first makes the pragma report the snapshot this transaction really sees.
      connection.prepare('SELECT count(*) FROM main.sqlite_schema').get();
      return connection.pragma('main.data_version', { simple: true }) as bigint;
    } catch (error) {
      // No half-begun transaction may stay behind.
      if (connection.inTransaction) connection.exec('ROLLBACK');
      throw error;
    }
  });
}

/** A reading whose place in the log is known, where the system tells. */
export interface Pinned {
  mode: 'wal' | 'rollback';
  mark: LogMark | null;
}

/** Begins a reading between two looks at the index of the log; when nobody wrote between them, it shows just that. */
export function beginPin(connection: Connection, path: string): Pinned {
  for (let tries = 0; ; tries++) {
    const index = indexOf(path);
    const before = index?.();
    begin(connection, 'BEGIN');
    if (connection.pragma('main.journal_mode', { simple: true }) !== 'wal')
      return { mode: 'rollback', mark: null };
    const mark = before && index?.().equals(before) ? markOf(before) : null;
    if (mark || !index || tries > 1000) return { mode: 'wal', mark };
    connection.exec('COMMIT');
  }
}

/**
 * Does `work` in one reading, unless one is open already. Of its many statements each would have to wait for a
 * lock of its own, and see another state.
 */
export function reading<T>(connection: Connection, work: () => T): T {
  if (connection.inTransaction) return work();
  begin(connection, 'BEGIN');
  try {
    const result = work();
    connection.exec('COMMIT');
    return result;
  } finally {
    if (connection.inTransaction) connection.exec('ROLLBACK');
  }
}
