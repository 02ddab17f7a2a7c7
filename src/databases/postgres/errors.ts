import { DatabaseError } from 'pg';
import type { ErrorCode } from '../../errors.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { tlsFailure } from './tls.ts';

/** SQLSTATE of a server error; undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof TenantDrError) return sqlState(error.cause);
  return error instanceof DatabaseError ? error.code : undefined;
}

/** True when the connection is gone, so nothing is known of a statement that was under way. */
export function connectionLost(error: unknown): boolean {
  if (error instanceof TenantDrError) return connectionLost(error.cause);
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith('08') || state.startsWith('57P0');
  if (nodeCode(error) !== undefined) return true;
  return /connection terminated|connection error|not queryable|client was closed/i.test(reasonOf(error));
}

/** Waited for a lock until `lock_timeout`. */
export const lockTimeout = '55P03';

/** Cancelled, by somebody or by a limit. */
export const cancelled = '57014';

const byState: Record<string, { code: ErrorCode; hint: string }> = {
  '28P01': {
    code: 'database-denied',
    hint: 'Check user and password (DATABASE_URL, PGPASSWORD or the passfile).',
  },
  '28000': { code: 'database-denied', hint: 'Check the user, sslmode, and pg_hba.conf on the server.' },
  '3D000': {
    code: 'database-missing',
    hint: 'Check the database name at the end of DATABASE_URL; `psql -l` lists them.',
  },
  '53300': {
    code: 'database-unreachable',
    hint: 'Free a connection or use a role with reserved connections, then run this again.',
  },
  '57P03': {
    code: 'database-unreachable',
    hint: 'The server is starting or stopping: wait until it accepts connections.',
  },
  [lockTimeout]: {
    code: 'database-busy',
    hint: 'Another session holds the rows or the table. Try again, or end that session.',
  },
  [cancelled]: {
    code: 'database-busy',
    hint: 'The statement was cancelled or ran into a statement timeout.',
  },
  '40P01': { code: 'database-busy', hint: 'Two sessions waited for each other. Run the same command again.' },
  '40001': { code: 'database-busy', hint: 'Run the same command again.' },
  '53100': { code: 'disk-full', hint: 'Free space on the database server, then run this again.' },
  '53200': {
    code: 'database-error',
    hint: 'The server is short of memory, or of room for locks: raise max_locks_per_transaction there, or name fewer tables with --tables.',
  },
  '22021': {
    code: 'database-error',
    hint: 'Some text is not in the encoding it is said to be in, which a database in SQL_ASCII lets happen: correct it there first.',
  },
  '22P04': {
    code: 'backup-corrupt',
    hint: 'Rows of the backup are not what COPY writes: it is damaged. Choose another backup.',
  },
  '25006': {
    code: 'database-read-only',
    hint: 'This is a standby or a read-only session: name the primary server.',
  },
};

/**
 * Any failure of the server or the connection as an error a person reads. Row values are cut from the server's
 * words (promise 10); `what` says in a few words what was being done.
 */
export function translate(error: unknown, what: string): TenantDrError {
  if (error instanceof TenantDrError) return error;
  const state = sqlState(error);
  if (error instanceof DatabaseError && state !== undefined) {
    const words = withoutValues(error.message, state);
    if (state === 'P0001' || isInFunction(error)) return raised(error, words);
    if (state === '42501') return denied(error, words, what);
    if (state.startsWith('23')) return refused(error, words);
    const known = byState[state];
    const details = {
      cause: error,
      facts: { sqlstate: state },
      ...(error.table ? { table: error.table } : {}),
    };
    if (known) return new TenantDrError(known.code, `${what}: ${words}.`, { hint: known.hint, ...details });
    if (connectionLost(error)) return lost(error, what);
    return new TenantDrError('database-error', `${what}: PostgreSQL says ${words} (${state}).`, details);
  }
  if (connectionLost(error)) return lost(error, what);
  return new TenantDrError('database-error', `${what}: ${reasonOf(error)}.`, { cause: error });
}

/** A broken rule, a missing right or name: not in our statement but in what a function of the application did. */
function isInFunction(error: DatabaseError): boolean {
  return /^(23|42)/.test(error.code ?? '') && functionOf(error) !== undefined;
}

function functionOf({ where }: DatabaseError): string | undefined {
  return /^(?:PL\/\w+|SQL) function "?([^"(\s]+)/m.exec(where ?? '')?.[1];
}

/** RAISE EXCEPTION in a trigger or function of the application, or any other failure of it. */
function raised(error: DatabaseError, words: string): TenantDrError {
  const name = functionOf(error);
  return new TenantDrError(
    'trigger-refused',
    `A trigger of the application${name === undefined ? '' : ` (${name})`} refused the change: ${words}. Everything was rolled back.`,
    {
      hint: 'Leave the table out with --tables, connect as a role that may set session_replication_role, or consent to disabled triggers (--disable-triggers). An event trigger that forbids CREATE TABLE also forbids temporary tables: disable it meanwhile.',
      cause: error,
    },
  );
}

function refused(error: DatabaseError, words: string): TenantDrError {
  return new TenantDrError('conflict', `The database refused a row: ${words}. Everything was rolled back.`, {
    hint: 'The row in the backup breaks a rule the live table has now. Leave the table out with --tables, or untick the row.',
    ...(error.table ? { table: error.table } : {}),
    facts: { sqlstate: error.code, ...(error.constraint ? { constraint: error.constraint } : {}) },
    cause: error,
  });
}

/** What the server calls a table in a message of whatever language: quoted, or in English after the word. */
function tableIn({ message }: DatabaseError): string | undefined {
  return (inQuotes.exec(message) ?? /(?:table|relation) (\S+)/.exec(message))?.[1];
}

function denied(error: DatabaseError, words: string, what: string): TenantDrError {
  // The state is that of any missing right, and the words are in the server's language: its routine tells.
  const hidden = /^(check_enable_rls|ExecWithCheckOptions)$/.test(error.routine ?? '');
  const table = error.table ?? tableIn(error);
  const details = { cause: error, facts: { sqlstate: '42501' }, ...(table ? { table } : {}) };
  if (hidden) {
    return new TenantDrError(
      'hidden-rows',
      `Row-level security hides rows of table ${table ?? '?'} from this role. Nothing was changed.`,
      {
        ...details,
        hint: 'Connect as a role with BYPASSRLS, or as the owner of a table without FORCE ROW LEVEL SECURITY.',
      },
    );
  }
  return new TenantDrError('database-denied', `${what}: ${words}.`, {
    ...details,
    hint:
      error.routine === 'InitTempTableNamespace'
        ? 'Backups are compared in temporary tables: GRANT TEMPORARY ON DATABASE … TO this role.'
        : 'Connect as the owner of the tables; `tenant-dr doctor` lists the rights that are missing.',
  });
}

function lost(error: unknown, what: string): TenantDrError {
  return new TenantDrError(
    'database-unreachable',
    `${what}: the connection to the server was lost (${reasonOf(error)}).`,
    {
      cause: error,
      hint: 'An open transaction is rolled back by the server. Check the server, then run this again.',
    },
  );
}

/** As PostgreSQL quotes in its languages: "x", »x«, « x », „x“, 「x」. */
const quotes = '"“”„«»「」『』';
const inQuotes = new RegExp(`[${quotes}]\\s*([^${quotes}]+?)\\s*[${quotes}]`);
const anyQuoted = new RegExp(`[${quotes}].*[${quotes}]`);
const quotedAtEnd = new RegExp(`: [${quotes}].*[${quotes}]$`, 's');

/** The server quotes an offending value, mostly after a colon at the end: that stays out. Class 22 is about values. */
function withoutValues(message: string, state: string): string {
  const words = message.replace(quotedAtEnd, '').replace(/\s+/g, ' ');
  // Bytes that are no text are not quoted: they are shown as numbers.
  return state.startsWith('22') ? words.replace(/: 0x.*$/, '').replace(anyQuoted, '…') : words;
}

function nodeCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^E[A-Z]+$/.test(code) ? code : undefined;
}

/** Failure to get a connection at all. `location` never holds a password. */
export function connectFailure(error: unknown, location: string): TenantDrError {
  const state = sqlState(error);
  const code = nodeCode(error);
  const words = reasonOf(error);
  if (state !== undefined) return translate(error, `Cannot connect to ${location}`);
  const untrusted = tlsFailure(error, location);
  if (untrusted) return untrusted;
  if (/password must be a string|no password/i.test(words)) {
    return new TenantDrError('database-denied', `${location} asks for a password and none was given.`, {
      cause: error,
      hint: 'Put it into PGPASSWORD or the passfile (~/.pgpass, mode 0600).',
    });
  }
  const reason =
    words ||
    (error instanceof AggregateError ? error.errors.map(reasonOf).join('; ') : (code ?? 'no answer'));
  return new TenantDrError('database-unreachable', `Cannot connect to ${location}: ${reason}.`, {
    cause: error,
    hint: 'Is the server up, and are host and port right? `pg_isready -h <host> -p <port>` tells.',
  });
}
