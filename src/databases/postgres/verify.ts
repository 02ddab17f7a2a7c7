import type { Conflict } from '../../engine/plan.ts';
import { compareTable } from './compare.ts';
import { readEffects } from './effects.ts';
import { differs, keyText, rowHash } from './encoding.ts';
import { ident, literal } from './identifiers.ts';
import { collectLiveTable, followChange, staleTables } from './live.ts';
import { grownTables } from './lock.ts';
import { named } from './ownership.ts';
import { reviewTable } from './review.ts';
import type { TriggerMethod } from './triggers.ts';
import { activeTriggers, triggerRefusal } from './triggers.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf, namingColumns, sameKey, sameRow } from './workspace.ts';

/**
 * Inside the transaction, after the change: keys hold for every touched row and every row that refers to one, of
 * all tenants; then planning again gives nothing.
 */
export async function verifyChange(work: Workspace, method: TriggerMethod): Promise<Conflict[]> {
  const problems: Conflict[] = [];
  // With triggers off, PostgreSQL itself checks neither foreign keys nor deferrable unique constraints.
  if (method === 'replica') {
    for (const slot of work.slots) problems.push(...(await brokenKeys(work, slot)));
  }
  if (problems.length > 0) return problems;
  const triggered = activeTriggers(work.slots).map(({ slot }) => slot);
  await followChange(work);
  if (!triggersFire(work, method) && (await grownTables(work)).length === 0 && (await asPlanned(work)))
    return [];
  // Rows that are still the same versions were compared before; tables that changed are compared again.
  const unexplained = await staleTables(work);
  for (const slot of work.slots) {
    if (unexplained.includes(slot)) await collectLiveTable(work, slot);
    else if (slot.rows.want + slot.rows.gone === 0) continue;
    // Asked before planning again, which in a mode that changes no row would not look at what a row holds.
    let effects: Stray[] = await rewritten(work, slot);
    if (effects.length === 0) {
      await reviewTable(work, slot, await compareTable(work, slot));
      if (slot.rows.want + slot.rows.gone === 0) continue;
      effects = await readEffects(work, slot, { offset: 0, limit: named, withValues: false });
    }
    const first = effects[0];
    const columns = first && first.columns.length > 0 ? ` (${first.columns.join(', ')})` : '';
    const detail = `${slot.slice.name} ${first?.key ?? ''} is not as planned after the change${columns}.`;
    if (method === 'on' && triggered.includes(slot)) throw triggerRefusal(slot, detail);
    problems.push(...effects.map((effect) => stray(slot, effect.key, effect.columns)));
  }
  return problems;
}

/** A row that is not what the plan says, and where. */
interface Stray {
  key: string;
  columns: string[];
}

/** Application code that runs on our writes may have written to other rows of the tenant. */
function triggersFire(work: Workspace, method: TriggerMethod): boolean {
  const firing = { replica: 'AR', on: 'OA', disabled: '' }[method];
  return work.slots.some(
    (slot) =>
      slot.rows.want + slot.rows.gone > 0 &&
      slot.relation.triggers.some((trigger) => firing.includes(trigger.enabled)),
  );
}

/**
 * Every row written reads back as planned. Together with the locks, which keep others from the other rows, and the
 * counters, by which this transaction wrote no other row (see `prove`, always asked next), that is all there is to
 * compare: planning again would look at unchanged versions of rows.
 */
async function asPlanned(work: Workspace): Promise<boolean> {
  for (const slot of work.slots) {
    if (slot.rows.want === 0) continue;
    if (slot.key.length === 0) return false;
    const wrong = await work.sql.value(
      `SELECT count(*) FROM ${slot.want} w LEFT JOIN ${slot.live} l ON ${sameKey(slot, 'l', 'w')} AND l.tdr_hash = ${rowHash('w', slot.columns)} WHERE l.tdr_part IS NULL`,
    );
    if (wrong !== '0') return false;
  }
  return work.slots.every((slot) => slot.key.length > 0 || slot.rows.gone === 0);
}

/** Rows that were written and hold something else now; rows without a key are told by planning again. */
async function rewritten(work: Workspace, slot: Slot): Promise<Stray[]> {
  if (slot.rows.want === 0 || slot.rows.live === 0 || slot.key.length === 0) return [];
  const flags = slot.columns.map(
    (name) => `CASE WHEN ${differs(`l.${ident(name)}`, `w.${ident(name)}`)} THEN ${literal(name)} END`,
  );
  const rows = await work.sql.rows(
    `SELECT w.tdr_key AS key, array_to_json(array_remove(ARRAY[${flags.join(', ')}]::text[], NULL)) AS columns
     FROM ${slot.want} w JOIN ${slot.live} l ON ${sameKey(slot, 'l', 'w')} WHERE l.tdr_hash <> ${rowHash('w', slot.columns)} LIMIT ${named}`,
  );
  return rows.map((row) => ({ key: row.key ?? '', columns: JSON.parse(row.columns ?? '[]') as string[] }));
}

function stray(slot: Slot, key: string, columns: string[]): Conflict {
  return {
    kind: 'value-does-not-fit',
    table: slot.slice.name,
    key,
    ...(columns.length > 0 ? { constraint: columns.join(', ') } : {}),
    detail: `${slot.slice.name} ${key} is not as planned after the change${columns.length > 0 ? ` (${columns.join(', ')})` : ''}.`,
    blocking: true,
  };
}

async function brokenKeys(work: Workspace, slot: Slot): Promise<Conflict[]> {
  const problems: Conflict[] = [];
  const table = (side: { schema: string; table: string }): string =>
    `${ident(side.schema)}.${ident(side.table)}`;
  if (slot.rows.want > 0) {
    for (const key of slot.relation.foreignKeys) {
      const same = key.columns
        .map((name, i) => `p.${ident(key.parentColumns[i] as string)} = w.${ident(name)}`)
        .join(' AND ');
      const filled = key.columns.map((name) => `w.${ident(name)} IS NOT NULL`).join(' AND ');
      const touched = `(w.tdr_kind = 'i' OR w.tdr_columns && ARRAY[${key.columns.map(literal).join(', ')}]::text[])`;
      const rows = await work.sql.rows(
        `SELECT w.tdr_key AS key FROM ${slot.want} w WHERE ${touched} AND ${filled} AND NOT EXISTS (SELECT FROM ${table(key.parent)} p WHERE ${same}) LIMIT ${named}`,
      );
      problems.push(...rows.map((row) => dangling(slot.slice.name, row.key ?? '', key.name, key.table)));
    }
  }
  const left: string[] = [];
  if (slot.rows.gone > 0)
    left.push(`SELECT l.* FROM ${slot.gone} g JOIN ${slot.live} l ON ${sameRow('l', 'g')}`);
  if (slot.rows.want > 0)
    left.push(`SELECT l.* FROM ${slot.want} w JOIN ${slot.live} l ON ${sameRow('l', 'w')}`);
  if (left.length === 0) return problems;
  for (const key of slot.relation.referencedBy) {
    const refers = key.columns
      .map((name, i) => `c.${ident(name)} = p.${ident(key.parentColumns[i] as string)}`)
      .join(' AND ');
    const still = key.parentColumns.map((name) => `n.${ident(name)} = p.${ident(name)}`).join(' AND ');
    const child = work.structure.relations.get(key.from.root.table);
    const naming =
      child && key.from.schema === work.sql.target.schema
        ? keyText('c', namingColumns(child))
        : keyText(
            'p',
            key.parentColumns.map((name) => columnOf(slot, name)),
          );
    const rows = await work.sql.rows(
      `SELECT ${naming} AS key FROM (${left.join(' UNION ALL ')}) p JOIN ${table(key.from)} c ON ${refers} WHERE NOT EXISTS (SELECT FROM ${table(key.parent)} n WHERE ${still}) LIMIT ${named}`,
    );
    problems.push(
      ...rows.map((row) => dangling(key.from.root.table, row.key ?? '', key.name, slot.slice.name)),
    );
  }
  for (const unique of slot.relation.uniques) {
    if (!unique.deferrable || unique.exclusion || slot.rows.want === 0 || slot.key.length === 0) continue;
    const meets = unique.terms
      .map((term) => `t.${ident(term.column ?? '')} = w.${ident(term.column ?? '')}`)
      .join(' AND ');
    const rows = await work.sql.rows(
      `SELECT w.tdr_key AS key FROM ${slot.want} w JOIN ${slot.target} t ON ${meets} WHERE NOT (${sameKey(slot, 't', 'w')}) LIMIT ${named}`,
    );
    problems.push(
      ...rows.map((row) => ({
        ...dangling(slot.slice.name, row.key ?? '', unique.name, slot.slice.name),
        kind: 'unique-taken' as const,
      })),
    );
  }
  return problems;
}

function dangling(table: string, key: string, constraint: string, parent: string): Conflict {
  return {
    kind: 'reference-missing',
    table,
    key,
    constraint,
    other: { table: parent },
    detail: `After the change ${table} ${key} would break ${constraint} (${parent}).`,
    blocking: true,
  };
}
