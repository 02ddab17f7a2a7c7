import type { Config } from '../config/schema.ts';
import { printable } from '../engine/printable.ts';
import { sameId, type Tenant } from '../engine/tenant.ts';
import { listIncidents } from '../incident/list.ts';
import type { IncidentState, StatusRecord } from '../incident/records.ts';
import { isStatus, type Status, statusText, statusValue } from './status.ts';

/** The status a tenant gets back, and where it is known from. */
export interface StatusAim {
  value: Status['active'];
  text: string | null;
  from: 'before' | 'backup' | 'configured' | 'unchanged';
  /** Goes on after the value: `what it was before INC-20261123-0605`. */
  why: string;
}

export interface AimRequest {
  config: Config;
  /** The live database's. */
  location: string;
  tenant: Pick<Tenant, 'id'>;
  status: Status;
  /** As it is now. */
  current: string | null;
  /** The incident that asks; null before a command opens its own. */
  own: IncidentState | null;
}

type Given = StatusRecord & { incident: string };

/**
 * Which status a tenant gets when it is given back: the one it had before it was suspended, by this incident or the
 * latest other one here, because a tenant on trial must not become a paying one. Where nobody knows it, the configured
 * active value. What somebody else has set since is left alone.
 */
export async function statusAim(request: AimRequest): Promise<StatusAim> {
  const { status, current } = request;
  const as = { value: statusValue(current, status), text: current, from: 'unchanged' } as const;
  if (isStatus(current, status.suspended)) {
    const given = await givenSoFar(request);
    return formerOf(given, request) ?? configured(status, whyUnknown(given, status));
  }
  if (isStatus(current, status.active)) return { ...as, why: 'as it is' };
  if (request.own?.opened.mode === 'dry-run') return { ...as, why: 'what it was before' };
  if (await isGivenBack(request)) return { ...as, why: 'as it is: it is not suspended any more' };
  return configured(status, `it is not suspended, but ${printable(current ?? 'NULL')}`);
}

/**
 * It was given back as it is now, or is no longer as it was left: this incident or the latest other one here suspended
 * it, and somebody changed that since. That may be this incident itself, killed before it could say so.
 */
async function isGivenBack(request: AimRequest): Promise<boolean> {
  const { own, tenant, current, status } = request;
  if (own?.statuses.some((one) => sameId(one.tenant, tenant.id))) return true;
  const latest = (await givenSoFar(request)).at(-1);
  return latest !== undefined && (latest.status === current || isStatus(latest.status, status.suspended));
}

/** The newest status it could work with, as long as nobody was seen to give it back since. */
function formerOf(given: Given[], { status, own }: AimRequest): StatusAim | null {
  for (const one of given.toReversed()) {
    if (!isStatus(one.status, status.suspended) || !one.known) return null;
    if (isStatus(one.former, status.suspended)) continue;
    const value = { value: statusValue(one.former, status), text: one.former };
    const here = one.incident === own?.id;
    return one.seen === 'backup'
      ? {
          ...value,
          from: 'backup',
          why: `as in the backup its row came back from${here ? '' : ` in ${one.incident}`}`,
        }
      : { ...value, from: 'before', why: `what it was before ${here ? 'it was suspended' : one.incident}` };
  }
  return null;
}

function whyUnknown(given: Given[], status: Status): string {
  const latest = given.at(-1);
  if (!latest || !isStatus(latest.status, status.suspended))
    return 'no incident here knows what it was before it was suspended';
  if (!latest.known) return 'what it was before it was suspended is not recorded';
  return latest.seen === 'backup' ? 'it is suspended in the backup too' : 'it was suspended before already';
}

function configured({ active }: Status, because: string): StatusAim {
  return { value: active, text: statusText(active), from: 'configured', why: `as configured: ${because}` };
}

/** Every status this tenant was given here, oldest first. What copies were given says nothing of the live database. */
async function givenSoFar({ config, location, tenant, own }: AimRequest): Promise<Given[]> {
  const others = await listIncidents(config.state, {
    except: own?.id,
    about: (opened) =>
      opened.database.location === location && opened.tenants.some(({ id }) => sameId(id, tenant.id)),
  });
  const states = others.flatMap(({ state }) => (state?.opened.mode === 'live' ? [state] : []));
  const of = (state: IncidentState): Given[] =>
    state.statuses
      .filter((one) => sameId(one.tenant, tenant.id))
      .map((one) => ({ ...one, incident: state.id }));
  const given = states.flatMap(of).sort((a, b) => a.at.localeCompare(b.at));
  // What this incident did comes last, whatever a clock that was set back says.
  return own ? [...given, ...of(own)] : given;
}
