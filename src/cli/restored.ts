import { type StatusBack, statusBackSaid } from '../actions/status-back.ts';
import { leftAsIs } from '../engine/planning.ts';
import { printable } from '../engine/printable.ts';
import { durationText } from './format.ts';

/** The part of a restore's or undo's output a person reads at the end. */
interface Restored {
  tenant: { slug: string };
  tables: { name: string; insert: number; update: number; delete: number; kept?: number }[];
  drift: { detail: string }[];
  safetyCopy: { path: string; rows: number };
  isolation: { method: string; otherRowsWritten: number; tablesGuarded: number; notes: string[] } | null;
  status?: StatusBack;
  digest: { after: string | null };
  seconds: Record<string, number>;
}

export function restoredText(incident: string, output: unknown): string {
  const { tenant, tables, drift, safetyCopy, isolation, status, digest, seconds } = output as Restored;
  const touched = tables.filter((table) => table.insert + table.update + table.delete > 0);
  const lines = touched.map(
    (table) =>
      `  ${printable(table.name)}: ${table.insert} added, ${table.update} changed back, ${table.delete} deleted`,
  );
  const left = leftAsIs({ tables });
  const proof = isolation
    ? [
        `This restore wrote no row of another tenant: ${isolation.otherRowsWritten} rows written, ${isolation.tablesGuarded} tables guarded (${isolation.method}).`,
        ...isolation.notes.map((note) => `  ${printable(note)}`),
      ]
    : [
        'The change was found committed after an interruption; its isolation proof ended with the process that held it.',
      ];
  return [
    `Done: tenant ${printable(tenant.slug)} (incident ${incident}).`,
    ...(lines.length > 0 ? lines : ['  nothing had to change']),
    ...(left ? [`  ${printable(left)}`] : []),
    ...(status ? [statusBackSaid(status, tenant.slug)] : []),
    ...drift.map((one) => `  drift: ${printable(one.detail)}`),
    ...proof,
    `Safety copy: ${safetyCopy.path} (${safetyCopy.rows} rows). Take it back with \`tenant-dr undo ${incident}\`.`,
    `Digest after: ${digest.after ?? 'unknown'}`,
    `Write lock held for ${durationText(seconds.writeLock ?? 0)}.`,
  ].join('\n');
}
