import type { ColumnChange, RowEffect } from '../../engine/plan.ts';
import { shown } from './encoding.ts';
import { ident } from './identifiers.ts';
import type { Slot, Workspace } from './workspace.ts';
import { sameRow } from './workspace.ts';

export interface Page {
  offset: number;
  limit: number;
  withValues: boolean;
  kind?: RowEffect['kind'] | undefined;
}

/** A page of a table's effects: deletes, then updates, then inserts, each by key text. */
export async function readEffects(work: Workspace, slot: Slot, page: Page): Promise<RowEffect[]> {
  const asked = page.kind === undefined ? ['d', 'u', 'i'] : [page.kind[0] as string];
  const kinds = asked.filter((kind) => slot.rows[kind === 'd' ? 'gone' : 'want'] > 0);
  if (kinds.length === 0) return [];
  const parts = kinds.map((kind) =>
    kind === 'd'
      ? `SELECT 0 AS rank, 'd' AS kind, g.tdr_key AS key, NULL::json AS columns, ${page.withValues ? values(slot, 'l', null) : 'NULL::json'} AS changes
         FROM ${slot.gone} g${page.withValues ? ` JOIN ${slot.live} l ON ${sameRow('l', 'g')}` : ''}`
      : `SELECT ${kind === 'u' ? 1 : 2} AS rank, w.tdr_kind::text AS kind, w.tdr_key AS key, array_to_json(w.tdr_columns) AS columns,
           ${page.withValues ? values(slot, kind === 'u' ? 'l' : null, 'w') : 'NULL::json'} AS changes
         FROM ${slot.want} w${page.withValues && kind === 'u' ? ` JOIN ${slot.live} l ON ${sameRow('l', 'w')}` : ''} WHERE w.tdr_kind = '${kind}'`,
  );
  const rows = await work.sql.rows(
    `SELECT kind, key, columns::text, changes::text FROM (${parts.join(' UNION ALL ')}) e ORDER BY rank, key COLLATE "C" LIMIT ${page.limit} OFFSET ${page.offset}`,
  );
  return rows.map((row) => ({
    kind: row.kind === 'i' ? 'insert' : row.kind === 'd' ? 'delete' : 'update',
    key: row.key ?? '',
    columns: JSON.parse(row.columns ?? '[]') as string[],
    ...(page.withValues ? { changes: named(slot, JSON.parse(row.changes ?? '[[],[]]') as Pair) } : {}),
  }));
}

type Pair = [(string | null)[] | null, (string | null)[] | null];

function values(slot: Slot, live: string | null, backup: string | null): string {
  const side = (alias: string | null): string =>
    alias === null
      ? 'NULL::json'
      : `json_build_array(${columnsOf(slot)
          .map((name) => shown(`${alias}.${ident(name)}`))
          .join(', ')})`;
  return `json_build_array(${side(live)}, ${side(backup)})`;
}

/** In the table's own order, as a person expects them. json_build_array takes at most 100 arguments. */
function columnsOf(slot: Slot): string[] {
  return slot.slice.columns.map((column) => column.name).slice(0, 100);
}

function named(slot: Slot, [live, backup]: Pair): ColumnChange[] {
  return columnsOf(slot).map((column, i) => ({
    column,
    live: live?.[i] ?? null,
    backup: backup?.[i] ?? null,
  }));
}
