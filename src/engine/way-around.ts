import type { Conflict, RestoreMode } from './plan.ts';
import type { TableMode } from './slice.ts';
import type { TenantId } from './tenant.ts';

/** What of a refused plan says which way is left. */
interface Refused {
  tenant: { id: TenantId };
  request: { mode: RestoreMode };
  conflicts: Conflict[];
  tables: { name: string; mode: TableMode }[];
}

/** What else could be done where these conflicts stop a plan: some are met in one mode only, some by the config. */
export function wayAround(blocking: Conflict[], { tenant, request, conflicts, tables }: Refused): string {
  const ways = ['Leave these tables out: with --tables, or as { exclude: reason } in the config.'];
  if (blocking.some(({ kind }) => kind === 'inbound-reference'))
    ways.push('References to rows that would be deleted: --mode keep-new or missing.');
  // Neither tenant can be restored before the other: the one refers to the rows, the other holds their keys.
  const movedHere = conflicts.filter((one) => one.kind === 'key-of-another-tenant' && !one.blocking);
  const refersToMoved = ({ kind, other }: Conflict): boolean =>
    kind === 'inbound-reference' &&
    movedHere.some(({ table, key }) => table === other?.table && key === other.key);
  if (blocking.some(refersToMoved))
    ways.push(
      'Rows that were moved here from the tenant that refers to them: set their tenant back by hand, then restore that tenant.',
    );
  const heldBy = blocking.flatMap(
    ({ kind, other }) => (kind === 'key-of-another-tenant' && other?.tenant) || [],
  );
  if (movedHere.some(({ other }) => other?.tenant && heldBy.includes(other.tenant)))
    ways.push(
      'Rows went both ways between two tenants, so that neither can be restored first: set the tenant of one side’s rows back by hand, then restore that side.',
    );
  const owned = new Set(tables.map(({ name }) => name));
  if (blocking.some(({ kind, other }) => kind === 'reference-missing' && owned.has(other?.table ?? '')))
    ways.push(
      "Rows it does not bring back may be nobody's by their own keys: say in the config whose they are, { through: <table>, on: { <their key>: <column that refers to them> } }.",
    );
  const ownNewer = ({ kind, other }: Conflict): boolean =>
    kind === 'unique-taken' && other?.tenant === tenant.id.text;
  const stays = blocking.some(
    (one) => ownNewer(one) && tables.find(({ name }) => name === one.table)?.mode !== 'exact',
  );
  if (stays) {
    const way = request.mode === 'exact' ? '`restore: exact` for that table in the config' : '--mode exact';
    ways.push(
      `Values that newer rows of the tenant took: ${way} deletes those (the safety copy keeps them).`,
    );
  }
  return ways.join(' ');
}
