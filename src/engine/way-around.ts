import type { Conflict, RestoreMode } from './plan.ts';
import type { TableMode } from './slice.ts';
import type { TenantId } from './tenant.ts';

/** What of a refused plan says which way is left. */
interface Refused {
  tenant: { id: TenantId };
  request: { mode: RestoreMode; tables?: string[] | undefined };
  conflicts: Conflict[];
  tables: { name: string; mode: TableMode }[];
}

/** What else could be done where these conflicts stop a plan: some are met in one mode only, some by the config. */
export function wayAround(blocking: Conflict[], { tenant, request, conflicts, tables }: Refused): string {
  const ways = ['Leave these tables out: with --tables, or as { exclude: reason } in the config.'];
  if (blocking.some(({ kind }) => kind === 'inbound-reference'))
    ways.push('References to rows that would be deleted: --mode keep-new or missing.');
  const modeOf = (table: string | undefined): TableMode | undefined =>
    tables.find(({ name }) => name === table)?.mode;
  const records = tablesIn(blocking, ({ kind, table }) =>
    kind === 'inbound-reference' && modeOf(table) === 'missing' ? table : undefined,
  );
  if (request.mode === 'exact' && records.length > 0)
    ways.push(
      `Rows of ${records.join(', ')}, which the config keeps: \`restore: exact\` there lets them go with what they refer to (the safety copy keeps them).`,
    );
  // Neither tenant can be restored before the other: the one refers to the rows, the other holds their keys.
  const movedHere = conflicts.filter((one) => one.kind === 'key-of-another-tenant' && !one.blocking);
  const refersToMoved = ({ kind, other }: Conflict): boolean =>
    kind === 'inbound-reference' &&
    other?.tenant !== tenant.id.text &&
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
  const leftOut = (table: string | undefined): boolean =>
    table !== undefined && request.tables !== undefined && !request.tables.includes(table);
  const needed = tablesIn(blocking, ({ kind, other }) =>
    kind === 'reference-missing' && modeOf(other?.table) !== undefined ? other?.table : undefined,
  );
  const along = needed.filter(leftOut);
  if (along.length > 0) ways.push(`Or take along what they refer to: --tables with ${along.join(', ')} too.`);
  if (needed.length > along.length)
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

function tablesIn(conflicts: Conflict[], tableOf: (conflict: Conflict) => string | undefined): string[] {
  return [...new Set(conflicts.flatMap((conflict) => tableOf(conflict) ?? []))];
}
