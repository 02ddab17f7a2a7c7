import type { Conflict } from '../../engine/plan.ts';
import { movedHere } from '../other-owner.ts';
import type { RelationColumn } from './catalog.ts';
import { shown } from './encoding.ts';
import { ident } from './identifiers.ts';
import { named } from './ownership.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf, sameRow } from './workspace.ts';

/** Rows to delete that were another tenant's in the backup: moved here by mistake, and gone unless restored there too. */
export async function findMovedHere(work: Workspace, slot: Slot): Promise<Conflict[]> {
  const { stage } = work;
  const { name, membership } = slot.slice;
  if (!stage || work.stagedAs !== 'slice' || slot.key.length === 0) return [];
  // Of several tenants asked for, one's row may have been another one's.
  const sources = [stage.moved.get(name), stage.several ? stage.raw.get(name) : undefined];
  const queries = sources.flatMap((raw) => {
    if (!raw || raw.rows === 0 || !slot.key.every((column) => raw.columns.includes(column))) return [];
    const owner = membership.via === 'links' ? 'NULL' : `b.${ident(membership.column)}`;
    const same = slot.key.map((column) => isKey(work, slot, columnOf(slot, column))).join(' AND ');
    return [
      `SELECT g.tdr_key AS key, ${owner} AS tenant FROM ${slot.gone} g JOIN ${slot.live} l ON ${sameRow('l', 'g')} JOIN ${raw.name} b ON ${same}`,
    ];
  });
  if (queries.length === 0) return [];
  const rows = await work.sql.rows(`${queries.join(' UNION ALL ')} LIMIT ${named}`);
  return rows.map((row) => movedHere(name, row.key ?? '', row.tenant ?? null));
}

/** Condition that a staged text (b) is the live value (l): by its type where the backup's is the same, else as text. */
function isKey(work: Workspace, slot: Slot, column: RelationColumn): string {
  const [live, text] = [`l.${ident(column.name)}`, `b.${ident(column.name)}`];
  const then = work.stage?.schema.tables.find((table) => table.name === slot.slice.name);
  const same = then?.columns.find((one) => one.name === column.name)?.type === column.type;
  return column.exact || !same ? `${text} = ${shown(live)}` : `CAST(${text} AS ${column.baseType}) = ${live}`;
}
