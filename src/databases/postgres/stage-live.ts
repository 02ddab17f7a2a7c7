import type { StageRequest } from '../../engine/port.ts';
import type { Schema } from '../../engine/schema.ts';
import type { SliceTable } from '../../engine/slice.ts';
import type { Relation } from './catalog.ts';
import { connect, readTarget } from './connect.ts';
import { Picker } from './dump/picker.ts';
import { ident, identList, literal } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import { introspect } from './introspect.ts';
import type { Sql } from './sql.ts';
import type { Loader, Source } from './stage.ts';
import { idText } from './tenants.ts';
import { hasLoops, targetOf } from './workspace.ts';

/**
 * Another live server as source: a copy recovered to a point in time, a cloud snapshot, a replica. It is only read,
 * in one snapshot, without temporary tables, so a standby serves as well.
 */
export async function openLiveSource(url: string): Promise<Source> {
  const sql = await connect(readTarget(url));
  try {
    await sql.run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const structure = await introspect(sql);
    return new LiveSource(sql, structure);
  } catch (error) {
    await sql.end();
    throw error;
  }
}

class LiveSource implements Source {
  readonly schema: Schema;
  private readonly sql: Sql;
  private readonly structure: Structure;

  constructor(sql: Sql, structure: Structure) {
    this.sql = sql;
    this.structure = structure;
    this.schema = structure.schema;
  }

  async load(loader: Loader, request: StageRequest): Promise<void> {
    if (hasLoops(request.shape.tables)) return this.loadLoops(loader, request);
    let done = 0;
    for (const slice of request.shape.tables) {
      const condition = slice.membership.via === 'identity' ? 'true' : this.member(slice, request, 't');
      if (this.structure.relations.has(slice.name)) await this.copy(loader, slice.name, condition ?? 'false');
      loader.onComplete(slice.name);
      request.onProgress?.({
        phase: 'staging',
        done: ++done,
        total: request.shape.tables.length,
        unit: 'tables',
      });
    }
  }

  /** Ownership that loops cannot be asked for in one condition: tables that inherit are read whole and picked here. */
  private async loadLoops(loader: Loader, request: StageRequest): Promise<void> {
    const picker = new Picker(loader, this.structure, request, false);
    for (const slice of request.shape.tables) {
      const relation = this.structure.relations.get(slice.name);
      if (relation) {
        const columns = stored(relation);
        const direct = slice.membership.via === 'column' ? this.member(slice, request, 't') : 'true';
        const sink = await picker.block(slice.name, columns, 'UTF8');
        const query = `COPY (SELECT ${identList(columns, 't')} FROM ${targetOf(this.sql, relation)} t WHERE ${direct ?? 'false'}) TO STDOUT`;
        for await (const chunk of this.sql.copyOut(query) as AsyncIterable<Buffer>) await sink.write(chunk);
        await sink.end();
      }
      picker.finish(slice.name);
    }
    await picker.finishSpooled();
  }

  async loadKeys(loader: Loader, table: string, columns: string[], keys: (string | null)[][]): Promise<void> {
    if (!this.structure.relations.has(table)) return;
    const rows = keys.map((key) => `(${key.map((value) => literal(value ?? '')).join(', ')})`);
    const own = columns.map((name) => `t.${ident(name)}::text`).join(', ');
    await this.copy(loader, table, `(${own}) IN (VALUES ${rows.join(', ')})`);
  }

  private async copy(loader: Loader, table: string, condition: string): Promise<void> {
    const relation = this.structure.relations.get(table);
    if (!relation) return;
    const columns = stored(relation);
    loader.table(table, columns);
    const query = `COPY (SELECT ${identList(columns, 't')} FROM ${targetOf(this.sql, relation)} t WHERE ${condition}) TO STDOUT`;
    await loader.copy(table, columns, this.sql.copyOut(query) as AsyncIterable<Buffer>);
  }

  /** Membership without temporary tables: links become nested conditions. */
  private member(slice: SliceTable, request: StageRequest, alias: string): string | null {
    const relation = this.structure.relations.get(slice.name);
    if (!relation) return null;
    const has = (name: string): boolean => relation.columns.some((column) => column.name === name);
    const { membership } = slice;
    if (membership.via !== 'links') {
      if (!has(membership.column) || request.tenants.length === 0) return null;
      return `${alias}.${ident(membership.column)} IN (${request.tenants.map((id) => literal(idText(id))).join(', ')})`;
    }
    const ways = membership.links.flatMap((link) => {
      const parent = request.shape.tables.find((table) => table.name === link.parent);
      const held = this.structure.relations.get(link.parent);
      if (!parent || !held || !link.columns.every(has)) return [];
      const inner = `${alias}p`;
      const condition = this.member(parent, request, inner);
      if (condition === null) return [];
      return [
        `(${identList(link.columns, alias)}) IN (SELECT ${identList(link.parentColumns, inner)} FROM ${targetOf(this.sql, held)} ${inner} WHERE ${condition})`,
      ];
    });
    return ways.length === 0 ? null : `(${ways.join(' OR ')})`;
  }

  close(): Promise<void> {
    return this.sql.end();
  }
}

function stored(relation: Relation): string[] {
  return relation.columns.filter((column) => !column.generated).map((column) => column.name);
}
