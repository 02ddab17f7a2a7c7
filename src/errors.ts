/**
 * Every way tenant-dr can say no. A code is stable: scripts match on it, `cli/exits.ts` maps it to an exit
 * code, and a test fails when one is missing there.
 */
export const errorCodes = [
  // bad usage, config or input: nothing changed (exit 2)
  'usage',
  'config-invalid',
  'tenant-unknown',
  'tenant-ambiguous',
  'tenants-table-missing',
  'backup-missing',
  'backup-ref-unknown',
  'time-without-zone',
  'incident-unknown',
  'runbook-invalid',
  'file-missing',
  'table-unknown',
  'no-terminal',
  // refused for safety: nothing changed (exit 3)
  'confirmation-refused',
  'plan-stale',
  'table-unclassified',
  'conflict',
  'gate-failed',
  'backup-foreign',
  'backup-other-environment',
  'backup-origin-unknown',
  'backup-without-tenant',
  'incident-locked',
  'incident-unprobed',
  'fenced-off',
  'trigger-refused',
  'rpo-refused',
  'hidden-rows',
  'no-isolation-proof',
  'undo-refused',
  // a database, backup or external program failed: nothing changed (exit 4)
  'backup-empty',
  'backup-truncated',
  'backup-corrupt',
  'backup-not-a-database',
  'database-missing',
  'database-not-a-database',
  'database-corrupt',
  'database-busy',
  'database-hot-journal',
  'database-read-only',
  'database-unreachable',
  'database-denied',
  'database-replaced',
  'database-error',
  'disk-full',
  'disk-error',
  'permission-denied',
  'tool-missing',
  'tool-failed',
  'hook-failed',
  'journal-unwritable',
  'journal-damaged',
  'internal',
  // rolled back (exit 5)
  'verification-failed',
  'isolation-failed',
  // several tenants (exit 6)
  'some-failed',
  // nobody knows yet (exit 7)
  'outcome-unknown',
  // interrupted at a safe point (exit 130)
  'interrupted',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorDetails {
  /** What to do next, one sentence. */
  hint?: string;
  /** Table and key the error is about, never row values. */
  table?: string;
  key?: string;
  /** Extra machine-readable facts for the JSON document. */
  facts?: Record<string, unknown>;
  cause?: unknown;
}

/** An error a person reads: what is wrong, what was (not) changed, what to do next. */
export class TenantDrError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly table: string | undefined;
  readonly key: string | undefined;
  readonly facts: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'TenantDrError';
    this.code = code;
    this.hint = details.hint;
    this.table = details.table;
    this.key = details.key;
    this.facts = details.facts ?? {};
  }
}

/** The message of anything thrown, for wrapping as a cause. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
