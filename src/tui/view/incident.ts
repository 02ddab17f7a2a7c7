import { printable } from '../../engine/printable.ts';
import { type Clocks, clocksOf } from '../../incident/clocks.ts';
import type { History } from '../../incident/history.ts';
import type { IncidentState } from '../../incident/records.ts';
import { type Tier, tiers } from '../../policy/tiers.ts';
import { zone } from '../format.ts';
import type { HeaderModel, RpoView, RtoView } from './header.ts';

/** The header of an incident, from its journal's reduction and the clocks. */

/** P0 for the highest tier (design section 9). */
function priorityOf(tier: Tier): string {
  return `P${tiers.indexOf(tier)}`;
}

function rtoView(clocks: Clocks, closed: boolean): RtoView {
  const { rto, projection } = clocks;
  return {
    limitSeconds: rto.limitSeconds,
    usedSeconds: rto.usedSeconds,
    usableAt: projection?.usableAt ?? rto.usableAt,
    late: rto.verdict === 'late',
    end: rto.usableAt !== null ? 'usable' : closed ? 'closed' : null,
    estimatesExceed: projection?.estimatesExceed === true && projection.onlyEstimates,
  };
}

function rpoView(clocks: Clocks, limitSeconds: number | null): RpoView | null {
  if (limitSeconds === null) return null;
  const { rpo, atStake } = clocks;
  return {
    limitSeconds: rpo?.limitSeconds ?? limitSeconds,
    backupAt: rpo?.backupTakenAt ?? null,
    ageSeconds: rpo?.ageSeconds ?? null,
    met: rpo?.met ?? null,
    atStakeRows: atStake?.rows ?? null,
  };
}

/** The clocks, fed with the progress this process sees. */
export function clocksAt(state: IncidentState, now: Date, history: History): Clocks {
  return clocksOf(state, now.getTime(), { history });
}

export function incidentHeader(
  state: IncidentState,
  now: Date,
  history: History,
  operator: string,
): HeaderModel {
  const { opened } = state;
  const [tenant, ...others] = state.tenants;
  const clocks = clocksAt(state, now, history);
  return {
    environment: printable(opened.environment),
    database: { name: printable(opened.database.name), location: printable(opened.database.location) },
    mode: opened.mode,
    tenant: tenant
      ? {
          name: printable(others.length > 0 ? `${tenant.name} and ${others.length} more` : tenant.name),
          slug: printable(tenant.slug),
          tier: tenant.tier,
          priority: priorityOf(tenant.tier),
        }
      : null,
    incident: state.id,
    operator: printable(operator),
    // A dry run makes nobody able to work again: its clock would claim what never happened.
    rto:
      opened.mode === 'dry-run' && (state.usable || state.closed)
        ? null
        : rtoView(clocks, state.closed !== null),
    rpo: rpoView(clocks, opened.rpoSeconds),
    zone: zone(now.toISOString()),
    updateDueSeconds: clocks.nextUpdate?.inSeconds ?? null,
  };
}
