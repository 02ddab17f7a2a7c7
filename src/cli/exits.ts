import type { ErrorCode } from '../errors.ts';

/** What a process says by its exit code (contract, "Exit codes"). */
export const exits = {
  done: 0,
  differs: 1,
  usage: 2,
  refused: 3,
  failed: 4,
  rolledBack: 5,
  partly: 6,
  unknown: 7,
  interrupted: 130,
} as const;

export type Exit = (typeof exits)[keyof typeof exits];

/** The one place where an error code becomes an exit code. */
export const exitOf: Record<ErrorCode, Exit> = {
  usage: exits.usage,
  'config-invalid': exits.usage,
  'tenant-unknown': exits.usage,
  'tenant-ambiguous': exits.usage,
  'tenants-table-missing': exits.usage,
  'backup-missing': exits.usage,
  'backup-ref-unknown': exits.usage,
  'time-without-zone': exits.usage,
  'incident-unknown': exits.usage,
  'runbook-invalid': exits.usage,
  'file-missing': exits.usage,
  'table-unknown': exits.usage,
  'no-terminal': exits.usage,

  'confirmation-refused': exits.refused,
  'plan-stale': exits.refused,
  'table-unclassified': exits.refused,
  conflict: exits.refused,
  'gate-failed': exits.refused,
  'backup-foreign': exits.refused,
  'backup-other-environment': exits.refused,
  'backup-origin-unknown': exits.refused,
  'backup-without-tenant': exits.refused,
  'incident-locked': exits.refused,
  'incident-unprobed': exits.refused,
  'fenced-off': exits.refused,
  'trigger-refused': exits.refused,
  'rpo-refused': exits.refused,
  'hidden-rows': exits.refused,
  'no-isolation-proof': exits.refused,
  'undo-refused': exits.refused,

  'backup-empty': exits.failed,
  'backup-truncated': exits.failed,
  'backup-corrupt': exits.failed,
  'backup-not-a-database': exits.failed,
  // a missing file is bad input, whatever was expected in it
  'database-missing': exits.usage,
  'database-not-a-database': exits.failed,
  'database-corrupt': exits.failed,
  'database-busy': exits.failed,
  'database-hot-journal': exits.failed,
  'database-read-only': exits.failed,
  'database-unreachable': exits.failed,
  'database-denied': exits.failed,
  'database-replaced': exits.failed,
  'database-error': exits.failed,
  'disk-full': exits.failed,
  'disk-error': exits.failed,
  'permission-denied': exits.failed,
  'tool-missing': exits.failed,
  'tool-failed': exits.failed,
  'hook-failed': exits.failed,
  'journal-unwritable': exits.failed,
  'journal-damaged': exits.failed,
  internal: exits.failed,

  'verification-failed': exits.rolledBack,
  'isolation-failed': exits.rolledBack,

  'some-failed': exits.partly,
  'outcome-unknown': exits.unknown,
  interrupted: exits.interrupted,
};
