import { own } from '../engine/own.ts';
import type { BackupEntry } from './catalogue.ts';
import type { ManifestTenant } from './manifest.ts';

/** A tenant's rows in every backup, from the manifests alone: where they fall, the damage lies. */
export interface TenantHistory {
  tenant: Pick<ManifestTenant, 'id' | 'slug'>;
  /** Oldest first. */
  points: HistoryPoint[];
  /** Tables with rows in any of the backups, most rows first. */
  tables: TableHistory[];
  /** The steepest fall of all rows together; null when they never fall. */
  fall: Fall | null;
  /** Backups whose manifest says nothing about rows. */
  unknown: BackupEntry[];
}

export interface HistoryPoint {
  backup: BackupEntry;
  /** Null: the tenant is not in this backup. */
  rows: number | null;
}

export interface TableHistory {
  table: string;
  /** Rows in each of the points. */
  rows: number[];
  fall: Fall | null;
}

/** From the point `before` to the next one, `after`. */
export interface Fall {
  before: number;
  after: number;
  lost: number;
}

/** A fall counts when at least this share of the rows goes from one backup to the next. */
const notable = 0.05;

/**
 * `tenant` is an id or a slug, as in any of the backups (`id:…` and `slug:…` say which). Null when no manifest
 * knows it. `entries` newest first, as `listBackups` gives them.
 */
export function historyOf(tenant: string, entries: BackupEntry[]): TenantHistory | null {
  const counted = [...entries].reverse().filter((entry) => tellsRows(entry) && entry.kind === 'database');
  const known = counted
    .flatMap((entry) => entry.manifest?.tenants ?? [])
    .findLast((one) => isMeant(tenant, one));
  if (!known) return null;
  const slices = counted.map((entry) => ({ entry, slice: sliceIn(entry, known) }));
  const points = slices.map(({ entry, slice }) => ({ backup: entry, rows: slice ? total(slice) : null }));
  const names = new Set(slices.flatMap(({ slice }) => Object.keys(slice?.rows ?? {})));
  const tables = [...names].map((table) => {
    const rows = slices.map(({ slice }) => own(slice?.rows, table) ?? 0);
    return { table, rows, fall: steepestFall(rows) };
  });
  tables.sort((a, b) => Math.max(...b.rows) - Math.max(...a.rows) || (a.table < b.table ? -1 : 1));
  return {
    tenant: { id: known.id, slug: known.slug },
    points,
    tables,
    fall: steepestFall(points.map(({ rows }) => rows ?? 0)),
    unknown: entries.filter((entry) => entry.kind === 'database' && !tellsRows(entry)),
  };
}

/** Its manifest says how many rows each tenant has. */
export function tellsRows({ manifest }: BackupEntry): boolean {
  return manifest?.tenants?.every(({ rows }) => rows !== null) ?? false;
}

function isMeant(text: string, tenant: ManifestTenant): boolean {
  if (text.startsWith('id:')) return tenant.id.text === text.slice(3);
  if (text.startsWith('slug:')) return tenant.slug === text.slice(5);
  return tenant.slug === text || tenant.id.text === text;
}

function sliceIn(entry: BackupEntry, tenant: ManifestTenant): ManifestTenant | undefined {
  return entry.manifest?.tenants?.find(({ id }) => id.type === tenant.id.type && id.text === tenant.id.text);
}

function total(slice: ManifestTenant): number {
  return Object.values(slice.rows ?? {}).reduce((sum, rows) => sum + rows, 0);
}

export function steepestFall(rows: number[]): Fall | null {
  let steepest: Fall | null = null;
  for (let after = 1; after < rows.length; after++) {
    const from = rows[after - 1] ?? 0;
    const lost = from - (rows[after] ?? 0);
    if (lost < Math.max(1, from * notable) || lost <= (steepest?.lost ?? 0)) continue;
    steepest = { before: after - 1, after, lost };
  }
  return steepest;
}
