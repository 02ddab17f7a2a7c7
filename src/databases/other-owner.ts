import type { Conflict } from '../engine/plan.ts';

/** `key` is in the backup, but a live row outside the slice bears it now. `tenant`: null when that one is nobody's. */
export function heldByAnother(table: string, key: string, tenant: string | null): Conflict {
  const now =
    tenant === null
      ? "that key is now held by a row of which it cannot be told whose it is: its keys lead to a row that is nobody's, or in a circle. Put that right by hand, or exclude the table."
      : `that key now belongs to tenant ${tenant}. If that row was moved there by mistake, restore tenant ${tenant} first.`;
  return ofAnother(table, key, tenant, `${table} ${key} is in the backup, but ${now}`, true);
}

/** The row is to be deleted, and was in the backup, but not in this slice. `tenant`: null where that cannot be told. */
export function movedHere(table: string, key: string, tenant: string | null): Conflict {
  const [then, advice] =
    tenant === null
      ? ["not this tenant's", '']
      : [`tenant ${tenant}'s`, `; restore tenant ${tenant} too, to bring it back`];
  const detail = `${table} ${key} is this tenant's now, but was ${then} in the backup. It is deleted here${advice}.`;
  return ofAnother(table, key, tenant, detail, false);
}

/** Rows whose keys to a tenant were cleared, this tenant's in the backup. `back`: the plan changes them back. */
export function cutLoose(table: string, key: string, rows: number, back: boolean): Conflict {
  const which = rows === 1 ? `${key} belongs` : `${key} and ${rows - 1} more belong`;
  const then = back
    ? 'changed back to what they were'
    : 'this plan leaves that as it is, also for what belongs through them. Mode exact or keep-new for this table changes them back';
  const detail = `${table} ${which} to nobody now (what led to a tenant was cleared), and to this tenant in the backup: ${then}.`;
  return { kind: 'cut-loose', table, key, detail, blocking: false };
}

/** A row that was cut loose, or given to everybody: others use it. */
export function usedByAnother(
  table: string,
  key: string,
  other: { table: string; key: string; tenant: string },
): Conflict {
  const detail = `${table} ${key} is this tenant's in the backup and nobody's now, and ${other.table} ${other.key} of tenant ${other.tenant} refers to it: it may be everybody's since.`;
  return { kind: 'cut-loose', table, key, other, detail, blocking: true };
}

function ofAnother(
  table: string,
  key: string,
  tenant: string | null,
  detail: string,
  blocking: boolean,
): Conflict {
  const other = { table, key, ...(tenant === null ? {} : { tenant }) };
  return { kind: 'key-of-another-tenant', table, key, other, detail, blocking };
}
