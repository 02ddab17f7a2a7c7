import type { Verification } from '../backups/verify.ts';
import { printable } from '../engine/printable.ts';
import { TenantDrError } from '../errors.ts';
import type { Output } from './output.ts';

/** One line per check, and where the result was written down. */
export function checkLines({ checks, recorded }: Verification, output: Output): string[] {
  const lines = checks.map(({ name, ok, detail }) => {
    const mark = ok ? output.style('green', 'ok ') : output.style('red', 'BAD');
    return `${mark}  ${name.padEnd(9)}  ${printable(detail)}`;
  });
  return [
    ...lines,
    '',
    recorded
      ? `Recorded in ${printable(recorded)}.`
      : 'Not recorded: there is no manifest that could be written.',
  ];
}

/** The error a bad backup makes the command end with; null for a good one. */
export function verificationFailure({ id, ok, checks }: Verification): TenantDrError | null {
  if (ok) return null;
  const failed = checks.filter((check) => !check.ok);
  const details = failed.map(({ name, detail }) => `${name}: ${detail}`).join('; ');
  return new TenantDrError('backup-corrupt', `Backup ${id} is not good. ${details}`, {
    hint: 'do not rely on it; `tenant-dr backups` lists the others',
    facts: { failed: failed.map(({ name }) => name) },
  });
}
