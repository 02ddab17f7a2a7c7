import type { Conflict, InboundReference, SharedNeed } from '../../engine/plan.ts';
import type { ForeignKey } from '../../engine/schema.ts';
import { heldByAnother, movedHere } from '../other-owner.ts';
import { keyText } from './encoding.ts';
import { findMisfits } from './fit.ts';
import { quote } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import { findLoose } from './loose.ts';
import type { Place } from './owner-walk.ts';
import { OwnerWalk } from './owner-walk.ts';
import { ownerText } from './owners.ts';
import { keyTextOf, named } from './ownership.ts';
import { refersTo } from './reference.ts';
import { fromSource } from './source.ts';
import { findRefused } from './trial.ts';
import { findStuck } from './triggers.ts';
import { findTaken } from './uniques.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locator, maskChanged } from './workspace.ts';

export interface Obstacles {
  conflicts: Conflict[];
  sharedNeeded: SharedNeed[];
  inbound: InboundReference[];
}

/** Everything that stands against the compared effects. Read-only. */
export function findObstacles(work: Workspace): Obstacles {
  const found: Obstacles = { conflicts: [], sharedNeeded: [], inbound: [] };
  for (const table of work.tables) {
    found.conflicts.push(...findLoose(work, table));
    if (hasEffects(work, table, "'i', 'u', 'r'")) {
      found.conflicts.push(
        ...findMisfits(work, table),
        ...findRefused(work, table),
        ...findHeldKeys(work, table),
        ...findTaken(work, table),
      );
      for (const key of table.live.foreignKeys) missingParents(work, table, key, found);
    }
    const stuck = { delete: "'d', 'r'", update: "'u'", insert: "'i', 'r'" };
    const operations = Object.entries(stuck).filter(([, ops]) => hasEffects(work, table, ops));
    found.conflicts.push(
      ...findStuck(
        work,
        table,
        operations.map(([operation]) => operation),
      ),
    );
    if (hasEffects(work, table, "'d'")) found.conflicts.push(...findOthersInBackup(work, table));
    if (hasEffects(work, table, "'d', 'r', 'u'")) {
      for (const child of work.liveSchema.tables) {
        for (const key of child.foreignKeys)
          if (key.table === table.slice.name) inboundRows(work, table, child, key, found);
      }
    }
  }
  return found;
}

function hasEffects(work: Workspace, table: TableWork, ops: string): boolean {
  return (
    work.connection
      .prepare(`SELECT 1 FROM temp.${table.names.effects} WHERE op IN (${ops}) LIMIT 1`)
      .get() !== undefined
  );
}

/** The key of a row to bring back is held by a live row outside the slice. */
function findHeldKeys(work: Workspace, table: TableWork): Conflict[] {
  if (table.key.length === 0) return [];
  const same = table.key.map((column) => `l.${quote(column)} = s.${quote(column)}`).join(' AND ');
  const rows = work.connection
    .prepare(
      `SELECT ${[keyTextOf(table, 's'), ...locator(table.live, 'l')].join(', ')} FROM temp.${table.names.effects} e ` +
        `CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} JOIN main.${quote(table.slice.name)} l ON ${same} ` +
        `WHERE e.op = 'i' AND e.held LIMIT ${named}`,
    )
    .raw()
    .all() as [string, ...Place][];
  const walk = new OwnerWalk(work);
  return rows.map(([key, ...place]) =>
    heldByAnother(table.slice.name, key, walk.of(table, place)?.tenant ?? null),
  );
}

/** Rows to delete that were another tenant's in the backup: moved here by mistake, and gone unless restored there too. */
function findOthersInBackup(work: Workspace, table: TableWork): Conflict[] {
  const { membership } = table.slice;
  if (!table.staged || table.key.length === 0) return [];
  const same = table.key.map((column) => `l.${quote(column)} = b.${quote(column)}`).join(' AND ');
  const owner = membership.via === 'links' ? 'NULL' : ownerText(`b.${quote(membership.column)}`);
  const rows = work.connection
    .prepare(
      `SELECT ${keyTextOf(table, 'l')}, ${owner} FROM temp.${table.names.effects} e ` +
        `CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'e', 'l')} ` +
        `JOIN staged.${quote(table.slice.name)} b ON ${same} WHERE e.op = 'd' LIMIT ${named}`,
    )
    .raw()
    .all() as [string, string | null][];
  return rows.map(([key, tenant]) => movedHere(table.slice.name, key, tenant));
}

/** The condition that row `holder` of the effects has its parent after the change. */
function missingParents(work: Workspace, table: TableWork, key: ForeignKey, found: Obstacles): void {
  const parent = work.liveSchema.tables.find((known) => known.name === key.table) as SqliteTable;
  const owned = work.byName.get(key.table);
  const staged = work.stagedSchema?.tables.find((known) => known.name === key.table);
  const child = key.columns.map((column) => `s.${quote(column)}`);
  const equals = (alias: string, target = parent): string =>
    refersTo(key, { table: table.live, alias: 's' }, { table: target, at: alias });
  const leaving = owned
    ? ` AND NOT EXISTS (SELECT 1 FROM temp.${owned.names.effects} g WHERE ${losesKey(owned, 'g', key.parentColumns)} AND ${located(parent, 'p', 'g', 'l')})`
    : '';
  const present = [`EXISTS (SELECT 1 FROM main.${quote(key.table)} p WHERE ${equals('p')}${leaving})`];
  if (owned?.staged && owned.source.from) {
    const source = owned.source.from.replace(/ s$/, ' q');
    const at = owned.source.locator
      .map((expression, i) => `${expression.replace(/^s\./, 'q.')} = g.s${i}`)
      .join(' AND ');
    present.push(
      `EXISTS (SELECT 1 FROM ${source} JOIN temp.${owned.names.effects} g ON ${at} WHERE g.op IN ('i', 'u', 'r') AND ${equals('q')})`,
    );
  }
  const stagedHas =
    staged && key.parentColumns.every((column) => staged.columns.some((known) => known.name === column));
  const inBackup = stagedHas
    ? `EXISTS (SELECT 1 FROM staged.${quote(key.table)} b WHERE ${equals('b', staged)})`
    : '0';
  const filled = child.map((value) => `${value} IS NOT NULL`).join(' AND ');
  const rows = work.connection
    .prepare(
      `SELECT ${keyTextOf(table, 's')}, ${keyText(child)}, ${inBackup} FROM temp.${table.names.effects} e ` +
        `CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} ` +
        `WHERE e.op IN ('i', 'u', 'r') AND ${filled} AND NOT (${present.join(' OR ')}) LIMIT ${named}`,
    )
    .raw()
    .all() as [string, string, bigint][];
  for (const [row, target, known] of rows) {
    // Dangling in the backup as well: the row comes back as it was.
    if (known === 0n) continue;
    if (!owned)
      found.sharedNeeded.push({
        table: key.table,
        key: target,
        inBackup: true,
        neededBy: `${table.slice.name} ${row}`,
      });
    found.conflicts.push({
      kind: 'reference-missing',
      table: table.slice.name,
      key: row,
      constraint: key.columns.join(', '),
      other: { table: key.table, key: target },
      detail: owned
        ? `${table.slice.name} ${row} refers to ${key.table} ${target}, which this plan does not bring back.`
        : `${table.slice.name} ${row} needs ${key.table} ${target}, a shared row that is gone. The backup still has it: --with-shared brings it back.`,
      blocking: true,
    });
  }
}

/** Rows, of any tenant, that refer to rows this plan deletes (or whose key it changes). */
function inboundRows(
  work: Workspace,
  table: TableWork,
  child: SqliteTable,
  key: ForeignKey,
  found: Obstacles,
): void {
  const own = work.byName.get(child.name);
  const refers = refersTo(key, { table: child, alias: 'c' }, { table: table.live, at: 'p' });
  const returns = table.staged
    ? `EXISTS (SELECT 1 FROM ${table.source.from} JOIN temp.${table.names.effects} g ON ${fromSource(table, 'g')} ` +
      `WHERE g.op IN ('i', 'u', 'r') AND ${key.parentColumns.map((column) => `s.${quote(column)} = p.${quote(column)}`).join(' AND ')})`
    : '0';
  const leaves = own
    ? `EXISTS (SELECT 1 FROM temp.${own.names.effects} x WHERE ${located(child, 'c', 'x', 'l')} AND ` +
      `(x.op = 'd' OR (x.op IN ('u', 'r') AND (${key.columns.map((column) => maskChanged(own, 'x', column)).join(' OR ')}))))`
    : '0';
  const mine = own
    ? `EXISTS (SELECT 1 FROM temp.${own.names.liveRows} x WHERE ${located(child, 'c', 'x', 'l')})`
    : '0';
  const at = own ? locator(own.live, 'c') : [];
  const rows = work.connection
    .prepare(
      `SELECT ${[childKey(child), keyText(key.parentColumns.map((column) => `p.${quote(column)}`)), mine, own ? asStaged(own, key) : '0', ...at].join(', ')} ` +
        `FROM temp.${table.names.effects} f CROSS JOIN main.${quote(table.slice.name)} p ON ${located(table.live, 'p', 'f', 'l')} ` +
        `JOIN main.${quote(child.name)} c ON ${refers} ` +
        `WHERE ${losesKey(table, 'f', key.parentColumns)} AND NOT ${leaves} AND NOT ${returns} LIMIT ${named}`,
    )
    .raw()
    .all() as [string, string, bigint, bigint, ...Place][];
  const walk = new OwnerWalk(work);
  for (const [row, target, isMine, dangledBefore, ...place] of rows) {
    // The row is as the backup has it, dangling there too (undo of a restore that healed an orphan).
    if (isMine === 1n && dangledBefore === 1n) continue;
    const tenant = own ? (walk.of(own, place)?.tenant ?? null) : null;
    if (isMine === 0n) {
      found.inbound.push({
        table: child.name,
        key: row,
        refersTo: { table: table.slice.name, key: target },
        onDelete: key.onDelete,
        ...(tenant === null ? {} : { tenant }),
      });
    }
    found.conflicts.push({
      kind: 'inbound-reference',
      table: child.name,
      key: row,
      constraint: key.columns.join(', '),
      other: { table: table.slice.name, key: target, ...(tenant === null ? {} : { tenant }) },
      detail:
        isMine === 1n
          ? `${child.name} ${row} stays, but refers to ${table.slice.name} ${target}, which this plan deletes. Mode keep-new keeps both.`
          : `${child.name} ${row}${tenant === null ? '' : ` of tenant ${tenant}`} refers to ${table.slice.name} ${target}, which this plan deletes.`,
      blocking: true,
    });
  }
}

/** The effect takes these column values away from its row: by deleting it, or by changing one of them. */
function losesKey(table: TableWork, effect: string, columns: string[]): string {
  const changes = columns.map((column) => maskChanged(table, effect, column)).join(' OR ');
  return `(${effect}.op IN ('d', 'r') OR (${effect}.op = 'u' AND (${changes})))`;
}

function childKey(child: SqliteTable): string {
  const columns =
    child.primaryKey.length > 0
      ? child.primaryKey
      : child.columns.filter((c) => !c.generated).map((c) => c.name);
  return keyText(columns.map((column) => `c.${quote(column)}`));
}

/** Whether the staged slice has the child with the same reference: then it dangles as it did in the backup. */
function asStaged(own: TableWork, key: ForeignKey): string {
  if (!own.staged || own.key.length === 0) return own.staged ? '1' : '0';
  const columns = [
    ...own.key.map((column) => `c.${quote(column)} = s.${quote(column)}`),
    ...key.columns.map((column) => `c.${quote(column)} IS s.${quote(column)}`),
  ];
  const member = own.source.locator.map((expression, i) => `m.s${i} = ${expression}`).join(' AND ');
  return (
    `EXISTS (SELECT 1 FROM ${own.source.from} JOIN temp.${own.names.stagedRows} m ON ${member} ` +
    `WHERE ${columns.join(' AND ')})`
  );
}
