import type { Conflict } from '../engine/plan.ts';

/** `key` is in the backup, but a live row outside the slice bears it now. `tenant`: null when that one is nobody's. */
export function heldByAnother(table: string, key: string, tenant: string | null): Conflict {
  const now =
    tenant === null
      ? 'that key is now held by a row that belongs to no tenant: what led from there to one may have been cleared (ON DELETE SET NULL) or deleted. Put that right by hand, or exclude the table.'
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
