import type { StageRequest } from '../../engine/port.ts';
import type { Schema } from '../../engine/schema.ts';
import type { Relation } from './catalog.ts';
import { connect, readTarget } from './connect.ts';
import { Picker } from './dump/picker.ts';
import { shown } from './encoding.ts';
import { ident, identList, literal } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import { introspect } from './introspect.ts';
import type { Watch } from './live-keys.ts';
import { memberOf } from './membership.ts';
import type { Sql } from './sql.ts';
import type { Loader, Source } from './stage.ts';
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

/** Keys in one question. */
const askedAtOnce = 20_000;

class LiveSource implements Source {
  readonly schema: Schema;
  private readonly sql: Sql;
  private readonly structure: Structure;

  constructor(sql: Sql, structure: Structure) {
    this.sql = sql;
    this.structure = structure;
    this.schema = structure.schema;
  }

  async load(loader: Loader, request: StageRequest, watch: Watch | null): Promise<void> {
    if (hasLoops(request.shape.tables)) await this.loadLoops(loader, request);
    else await this.loadSlices(loader, request);
    if (watch) await this.loadMoved(loader, request, watch);
  }

  private async loadSlices(loader: Loader, request: StageRequest): Promise<void> {
    let done = 0;
    for (const slice of request.shape.tables) {
      const condition =
        slice.membership.via === 'identity'
          ? 'true'
          : memberOf(this.sql, this.structure, request, slice, 't');
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
    const picker = new Picker(loader, this.structure, request, { whole: false, watch: null });
    for (const slice of request.shape.tables) {
      const relation = this.structure.relations.get(slice.name);
      if (relation) {
        const columns = stored(relation);
        const direct =
          slice.membership.via === 'column'
            ? memberOf(this.sql, this.structure, request, slice, 't')
            : 'true';
        const sink = await picker.block(slice.name, columns, 'UTF8');
        const query = `COPY (SELECT ${identList(columns, 't')} FROM ${targetOf(this.sql, relation)} t WHERE ${direct ?? 'false'}) TO STDOUT`;
        for await (const chunk of this.sql.copyOut(query)) await sink.write(chunk);
        await sink.end();
      }
      picker.finish(slice.name);
    }
    await picker.finishSpooled();
  }

  /** Rows of others under the keys of live rows that did not come with the slices. */
  private async loadMoved(loader: Loader, request: StageRequest, watch: Watch): Promise<void> {
    for (const slice of request.shape.tables) {
      const raw = loader.tables.get(slice.name);
      const key = raw && watch.keys.columnsOf(slice.name, raw.columns);
      if (!raw || !key) continue;
      const keys = await watch.keys.missing(slice.name, raw);
      const member = memberOf(this.sql, this.structure, request, slice, 't') ?? 'false';
      for (let at = 0; at < keys.length; at += askedAtOnce) {
        const held = this.holds(key, keys.slice(at, at + askedAtOnce));
        await this.copy(watch.loader, slice.name, `${held} AND (${member}) IS NOT TRUE`);
      }
    }
  }

  async loadKeys(loader: Loader, table: string, columns: string[], keys: string[][]): Promise<void> {
    if (!this.structure.relations.has(table)) return;
    await this.copy(loader, table, this.holds(columns, keys));
  }

  /** Condition that a row's columns hold one of the keys, given as text. */
  private holds(columns: string[], keys: (string | null)[][]): string {
    const rows = keys.map((key) => `(${key.map((value) => literal(value ?? '')).join(', ')})`);
    return `(${columns.map((name) => shown(`t.${ident(name)}`)).join(', ')}) IN (VALUES ${rows.join(', ')})`;
  }

  private async copy(loader: Loader, table: string, condition: string): Promise<void> {
    const relation = this.structure.relations.get(table);
    if (!relation) return;
    const columns = stored(relation);
    loader.table(table, columns);
    const query = `COPY (SELECT ${identList(columns, 't')} FROM ${targetOf(this.sql, relation)} t WHERE ${condition}) TO STDOUT`;
    await loader.copy(table, columns, this.sql.copyOut(query));
  }

  close(): Promise<void> {
    return this.sql.end();
  }
}

function stored(relation: Relation): string[] {
  return relation.columns.filter((column) => !column.generated).map((column) => column.name);
}
