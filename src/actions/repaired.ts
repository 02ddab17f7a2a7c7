import { sameId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import { listIncidents } from '../incident/list.ts';
import type { Looking } from './looking.ts';

/**
 * A backup from before the damage that holds what is live leaves two readings: the damage is older than was said, or
 * somebody has repaired it since, and an older backup would take that away. Rejects with gate-failed for the second.
 */
export async function requireNotRepaired(context: Looking, backup: string): Promise<void> {
  const { damagedAt, detectedAt } = context.incident.state.opened;
  const closed = (await listIncidents(context.config.state)).flatMap(({ id, state }) => {
    const here =
      state?.opened.mode === 'live' && state.opened.database.location === context.database.location;
    return here && state.closed ? [{ id, state }] : [];
  });
  const changes = closed.flatMap(({ id, state }) =>
    state.restores
      .filter((one) => one.state === 'finished' && context.tenant && sameId(one.tenant, context.tenant.id))
      .map(({ endedAt }) => ({ id, at: endedAt ?? '', kind: state.opened.kind })),
  );
  const last = changes.sort((a, b) => a.at.localeCompare(b.at)).at(-1);
  if (!last || last.kind === 'undo' || last.at < (damagedAt ?? detectedAt)) return;
  throw new TenantDrError(
    'gate-failed',
    `${last.id} has restored the tenant since the damage, and ${backup} holds what is there now: an older backup is not taken without a person. Nothing was changed.`,
    { hint: 'If that did not help, name an older backup with --from <ref>.' },
  );
}
