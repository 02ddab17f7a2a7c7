import type { Plan } from '../engine/planning.ts';
import { printable } from '../engine/printable.ts';
import { sameId, type Tenant } from '../engine/tenant.ts';
import type { EntryOf } from '../incident/events.ts';
import type { Change } from './change.ts';
import { isStatus, statusText } from './status.ts';

/** An undo puts the tenant's own row back whole, its status too. */
export interface StatusBack {
  before: string | null;
  after: string | null;
  /** The tenant can work with it. */
  active: boolean;
}

export function statusBackSaid({ before, after, active }: StatusBack, slug: string): string {
  const told = (status: string | null) => printable(status ?? 'NULL');
  const then = active ? '' : `, so that it cannot work until \`tenant-dr reactivate ${printable(slug)}\``;
  return `The status of ${printable(slug)}, with its rows: from ${told(before)} to ${told(after)}${then}.`;
}

/** What becomes of the tenant's status; null where it stays, or where its row comes or goes with it. */
export function statusBack({ bench, tenant }: Change): StatusBack | null {
  const is = (one: Tenant) => sameId(one.id, tenant.id);
  const now = bench.ground.tenants.find(is);
  const then = bench.staged.tenants.find(is);
  if (!now || !then || now.status === then.status) return null;
  const { status } = bench.deps.config.tenants;
  return {
    before: now.status,
    after: then.status,
    active: status === undefined || !isStatus(then.status, status.suspended),
  };
}

/** For the journal: the status that a change moves with the tenant's own row, when it takes the tenant out of service or back. */
export function statusMoved(change: Change, plan: Plan): EntryOf<'restore.intended'>['status'] {
  const { bench, tenant } = change;
  const { status, table } = bench.deps.config.tenants;
  if (!status) return undefined;
  if (plan.request.verbatim) {
    const back = statusBack(change);
    return back ? { former: back.before, status: back.after, seen: 'live' } : undefined;
  }
  const is = (one: Tenant) => sameId(one.id, tenant.id);
  const then = bench.staged.tenants.find(is);
  const comesBack = plan.tables.some((one) => one.name === table && one.insert > 0);
  if (!then || !comesBack || bench.ground.tenants.some(is)) return undefined;
  return { former: then.status, status: statusText(status.suspended), seen: 'backup' };
}
