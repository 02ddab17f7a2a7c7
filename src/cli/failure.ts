import { CommanderError } from 'commander';
import { failingDisk } from '../databases/job-child.ts';
import type { ErrorCode } from '../errors.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { Exit } from './exits.ts';
import { exitOf, exits } from './exits.ts';

const systemErrors: Record<string, { code: ErrorCode; hint: string }> = {
  ENOENT: { code: 'file-missing', hint: 'check the path' },
  ENOTDIR: { code: 'file-missing', hint: 'check the path' },
  EISDIR: { code: 'usage', hint: 'name a file, not a folder' },
  EACCES: { code: 'permission-denied', hint: 'check owner and mode of the file and its folder' },
  EPERM: { code: 'permission-denied', hint: 'check owner and mode of the file and its folder' },
  EROFS: {
    code: 'permission-denied',
    hint: 'it is mounted read-only: name a folder elsewhere (--state, --backups)',
  },
  ENOSPC: { code: 'disk-full', hint: 'free some space and run the command again' },
  EFBIG: { code: 'disk-full', hint: 'files of this size are not allowed here (`ulimit -f`)' },
  EDQUOT: { code: 'disk-full', hint: 'free some space and run the command again' },
  EIO: { code: 'disk-error', hint: failingDisk },
};

/** Whatever was thrown, as an error a person can read. */
export function readableError(error: unknown): TenantDrError {
  if (error instanceof TenantDrError) return error;
  if (error instanceof CommanderError) return usageError(error);
  const system = error instanceof Error && 'code' in error ? systemErrors[String(error.code)] : undefined;
  if (system) return new TenantDrError(system.code, reasonOf(error), { hint: system.hint, cause: error });
  return new TenantDrError('internal', `unexpected: ${reasonOf(error)}`, {
    hint: 'run it again with TENANT_DR_DEBUG=1 and report what it prints',
    cause: error,
  });
}

/** `error: unknown option '--jsn'\n(Did you mean --json?)` in our words. */
function usageError(error: CommanderError): TenantDrError {
  const [first = '', ...rest] = error.message.split('\n');
  const suggestion = /^\(Did you mean (.*)\?\)$/.exec(rest.join(' ').trim())?.[1];
  return new TenantDrError('usage', first.replace(/^error: /, ''), {
    hint: suggestion ? `did you mean ${suggestion}?` : 'see tenant-dr --help',
  });
}

/** What to do next where an error itself does not say. */
const usualHints: Record<Exit, string> = {
  [exits.done]: '',
  [exits.differs]: '',
  [exits.usage]: 'see tenant-dr --help',
  [exits.refused]: 'nothing was changed; put right what is named and run the command again',
  [exits.failed]: 'nothing was changed; tenant-dr doctor looks for the cause',
  [exits.rolledBack]: 'everything was rolled back; keep the message and do not try the same again unread',
  [exits.partly]: 'the result lists which are done and which are not',
  [exits.unknown]: 'assume nothing; tenant-dr resume finds out',
  [exits.interrupted]: 'run the command again to go on',
};

export function hintOf(error: TenantDrError): string {
  return error.hint ?? usualHints[exitOf[error.code]];
}

/** The failure as the contract's document. `changed` is null where nobody knows yet (exit 7). */
export function failureDocument(schema: string, error: TenantDrError): Record<string, unknown> {
  const exit = exitOf[error.code];
  return {
    schema,
    ok: false,
    error: {
      code: error.code,
      exit,
      message: error.message,
      hint: hintOf(error),
      ...(error.table === undefined ? {} : { table: error.table }),
      ...(error.key === undefined ? {} : { key: error.key }),
      changed: exit === exits.unknown ? null : false,
      ...error.facts,
    },
  };
}
