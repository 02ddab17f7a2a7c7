import type { StageRequest } from '../../engine/port.ts';
import type { SliceTable } from '../../engine/slice.ts';
import { shown } from './encoding.ts';
import { ident, identList } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import { collectAll } from './live.ts';
import { memberOf } from './membership.ts';
import { letGo, letGoAfter, portionsOf } from './portions.ts';
import { bareWorkspace } from './prepare.ts';
import type { Sql } from './sql.ts';
import type { Loader, Raw } from './stage.ts';
import type { Slot, Workspace } from './workspace.ts';
import { buildSlots, dropTables, hasLoops, targetOf } from './workspace.ts';

/** Keys to watch for while a source is read, and where to put the rows of others that bear one. */
export interface Watch {
  keys: LiveKeys;
  loader: Loader;
}

/**
 * The keys of the tenants' live rows. A row of the backup that bears one of them and is not these tenants' there was
 * another tenant's then, and was moved here since. Asked for table by table, while a source is being read.
 */
export class LiveKeys {
  private readonly sql: Sql;
  private readonly structure: Structure;
  private readonly request: StageRequest;
  private gathered: Promise<unknown> | null = null;
  /** Where ownership loops, the temporary tables with the keys of those tables that hold rows of the tenants. */
  private readonly kept = new Map<string, string>();
  /** Where it loops and there is one tenant, his live rows: the plan goes on with them. */
  collected: Workspace | null = null;

  constructor(sql: Sql, structure: Structure, request: StageRequest) {
    this.sql = sql;
    this.structure = structure;
    this.request = request;
  }

  /** Columns of the key by which rows of this table can be known again; null when there is none, or nothing to know. */
  columnsOf(table: string, held: string[]): string[] | null {
    const slice = this.slice(table);
    if (!slice || slice.membership.via === 'identity' || slice.key.length === 0) return null;
    return slice.key.every((name) => held.includes(name)) ? slice.key : null;
  }

  /** COPY text of all keys, cut anywhere: the columns of `columnsOf`. */
  async copy(table: string): Promise<Buffer[]> {
    const from = await this.rowsOf(table);
    if (from === null) return [];
    const list = identList(this.slice(table)?.key ?? [], 't');
    return this.sql.turns.take(async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of this.sql.copyOut(`COPY (SELECT ${list} FROM ${from}) TO STDOUT`))
        chunks.push(chunk);
      return chunks;
    });
  }

  /** The keys, as text, that none of the staged rows has. */
  async missing(table: string, raw: Raw): Promise<(string | null)[][]> {
    const from = await this.rowsOf(table);
    const key = this.columnsOf(table, raw.columns);
    if (from === null || key === null) return [];
    const same = key.map((name) => `r.${ident(name)} = ${shown(`t.${ident(name)}`)}`).join(' AND ');
    const list = key.map((name, i) => `${shown(`t.${ident(name)}`)} AS k${i}`).join(', ');
    const staged = raw.rows > 0 ? `EXISTS (SELECT FROM ${raw.name} r WHERE ${same})` : 'false';
    const query = `SELECT ${list} FROM ${from} AND NOT ${staged}`;
    const rows = await this.sql.turns.take(() => this.sql.rows(query));
    return rows.map((row) => key.map((_, i) => row[`k${i}`] ?? null));
  }

  private slice(table: string): SliceTable | undefined {
    return this.request.shape.tables.find((slice) => slice.name === table);
  }

  /** What follows FROM: the tenants' rows of a table, under `t`. */
  private async rowsOf(table: string): Promise<string | null> {
    const { sql, structure, request } = this;
    const slice = this.slice(table);
    const relation = structure.relations.get(table);
    if (!slice || !relation) return null;
    if (slice.membership.via === 'links' && hasLoops(request.shape.tables)) {
      this.gathered ??= sql.turns.take(() => this.gather());
      await this.gathered;
      const kept = this.kept.get(table);
      return kept === undefined ? null : `${kept} t WHERE true`;
    }
    const member = memberOf(sql, structure, request, slice, 't');
    return member === null ? null : `${targetOf(sql, relation)} t WHERE ${member}`;
  }

  /** Ownership that loops cannot be asked for in one condition: the slices are collected, and their keys kept. */
  private async gather(): Promise<void> {
    const { sql, structure, request } = this;
    const slots = buildSlots(sql, structure, request.shape, null);
    const keep = (slot: Slot): string => {
      const { name, key } = slot.slice;
      const from = `SELECT ${identList(key)} FROM ${slot.live}`;
      const known = this.kept.get(name);
      if (known !== undefined) return `INSERT INTO ${known} ${from};`;
      this.kept.set(name, `pg_temp.tdr_member_${slot.index}`);
      return `CREATE TEMP TABLE tdr_member_${slot.index} AS ${from};`;
    };
    await dropTables(sql, 'live|member');
    for (const tenant of request.tenants) {
      const work = { ...bareWorkspace(sql, structure, request.shape, slots), tenant };
      await collectAll(work, (looked) => letGoAfter(sql, looked));
      await letGo(sql);
      const filled = slots.filter((slot) => slot.rows.live > 0);
      if (request.tenants.length === 1) {
        for (const slot of filled) this.kept.set(slot.slice.name, slot.live);
        this.collected = work;
        return;
      }
      for (const part of portionsOf(filled)) {
        await sql.run(part.map(keep).join('\n'));
        await letGo(sql);
      }
    }
    await dropTables(sql, 'live');
  }
}
