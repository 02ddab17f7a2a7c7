import { sameId, type TenantId } from '../engine/tenant.ts';
import type { Entry } from './events.ts';
import type { IncidentState, StatusRecord } from './records.ts';

/** What an entry means for the statuses the tenants had: each as it was given, with what was there before. */
export function applyStatus(state: IncidentState, entry: Entry): void {
  switch (entry.event) {
    case 'tenant.suspending':
      give(state, { ...givenBy(entry), known: true, announced: true });
      return;
    case 'tenant.suspended': {
      const announced = state.statuses.at(-1);
      if (announced?.announced && sameId(announced.tenant, entry.tenant)) {
        // What the change itself found is as it was at that moment; after a crash it finds its own work.
        const found = entry.former === entry.status ? announced.former : entry.former;
        state.statuses[state.statuses.length - 1] = { ...announced, former: found, announced: false };
      } else give(state, givenBy(entry));
      return;
    }
    case 'tenant.reactivated':
      give(state, givenBy(entry));
      return;
    case 'restore.finished': {
      const restore = state.restores.findLast((one) => sameId(one.tenant, entry.tenant));
      const moved = restore?.intended.status;
      const { tenant, at } = entry;
      if (moved) give(state, { tenant, at, ...moved, known: true, announced: false });
      return;
    }
    default:
      return;
  }
}

function givenBy(entry: {
  tenant: TenantId;
  at: string;
  former: string | null;
  status: string | null;
}): StatusRecord {
  const { tenant, at, former, status } = entry;
  return { tenant, at, former, known: former !== null, status, announced: false, seen: 'live' };
}

function give(state: IncidentState, record: StatusRecord): void {
  state.statuses.push(record);
}
