import { classify, requireClassified } from '../engine/ownership.ts';
import type { Session } from '../engine/port.ts';
import { buildShape } from '../engine/shape.ts';
import type { SliceShape } from '../engine/slice.ts';
import type { Tenant } from '../engine/tenant.ts';
import { sameId } from '../engine/tenant.ts';
import type { ActionContext } from './action.ts';

/** Opens a session for the time of `work`, and closes it whatever happens. */
export async function withSession<T>(
  context: ActionContext,
  mode: 'read' | 'write',
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await context.database.open({
    mode,
    signal: context.signal,
    onWait: (seconds) => context.output(`waiting for another writer: ${Math.round(seconds)} s`),
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** The tenant's whole slice as this database is shaped now. Throws `table-unclassified`. */
export async function shapeOf(context: ActionContext, session: Session): Promise<SliceShape> {
  const schema = await session.schema();
  const ownership = classify(schema, context.config);
  requireClassified(ownership);
  return buildShape(schema, ownership, context.config, { mode: 'exact', verbatim: true });
}

/** The tenant's row as it is now, found by id: it may have been renamed meanwhile. Null when the row is gone. */
export async function liveRow(
  context: ActionContext,
  session: Session,
  tenant: Tenant,
): Promise<Tenant | null> {
  const tenants = await session.tenants(context.config.tenants);
  return tenants.find((one) => sameId(one.id, tenant.id)) ?? null;
}

/** The same context for a look that must not open the database for writing. */
export function lookingOnly<Context extends Pick<ActionContext, 'mode'>>(context: Context): Context {
  return { ...context, mode: 'dry-run' };
}
