import type { BackupEntry } from '../backups/catalogue.ts';
import { digestAlgorithm } from '../backups/contents.ts';
import type { ManifestTenant } from '../backups/manifest.ts';
import { own } from '../engine/own.ts';
import type { Session } from '../engine/port.ts';
import type { SliceShape } from '../engine/slice.ts';
import { sameId } from '../engine/tenant.ts';
import { type ActionContext, tenantOf } from './action.ts';
import { Workbench } from './change.ts';
import { lookingOnly } from './slice.ts';

/** The same damage in other tenants: rows of the damaged tables that are gone or were overwritten since the backup. */

/** What happened to the rows of one table. */
export interface TableDamage {
  name: string;
  insert: number;
  update: number;
}

export interface AlsoHit {
  slug: string;
  tables: string[];
  /** Rows of these tables that are gone, and that are not what they were; null where only rows were counted. */
  missing: number | null;
  overwritten: number | null;
}

export interface Elsewhere {
  hit: AlsoHit[];
  /** Tenants whose rows were compared one by one, of those that changed at all in the damaged tables. */
  compared: number;
  changed: number;
  /** Why the rest was not compared. */
  ended: 'all' | 'time' | 'skipped' | 'no-digests';
}

export interface ElsewhereRequest {
  session: Session;
  shape: SliceShape;
  /** The damaged tables, by how the tenant itself was hit. */
  damage: TableDamage[];
  /** The backup that was compared with. Its manifest must list tenants. */
  backup: BackupEntry;
  /** Seconds after which the look round ends with what it has found. */
  seconds: number;
}

/** This share of a table's rows gone or overwritten is no ordinary day. */
const suspiciousShare = 0.2;
const fewRows = 3;

/**
 * First the digests of the damaged tables are compared with those in the manifest: one scan a table, and most
 * tenants are out. Those that changed are compared row by row, the most suspicious first, until the time is up or
 * the person has seen enough.
 */
export function sameDamage(context: ActionContext, request: ElsewhereRequest): Promise<Elsewhere> {
  const until = performance.now() + request.seconds * 1000;
  return context.skippable('looking at other tenants', async (signal) => {
    const enough = (): 'time' | 'skipped' | null => {
      if (signal.aborted) return 'skipped';
      return performance.now() > until ? 'time' : null;
    };
    const others = othersOf(context, request.backup);
    const fewer = await fewerRows(request, others);
    if (request.backup.manifest?.digestAlgorithm !== digestAlgorithm) {
      return { hit: [...fewer.values()], compared: 0, changed: fewer.size, ended: 'no-digests' };
    }
    const changed = await changedTenants(context, request, others, enough);
    const compared = await compareRows(context, request, changed, enough);
    const exact = new Set(compared.looked);
    // Who was not compared any more is still told by the fall of its rows.
    const counted = [...fewer].filter(([slug]) => !exact.has(slug)).map(([, one]) => one);
    return {
      hit: [...compared.hit, ...counted],
      compared: compared.looked.length,
      changed: changed.length,
      ended: enough() ?? 'all',
    };
  });
}

function othersOf(context: ActionContext, { manifest }: BackupEntry): ManifestTenant[] {
  const victim = tenantOf(context).id;
  return (manifest?.tenants ?? []).filter((other) => !sameId(other.id, victim));
}

/** Tenants with markedly fewer rows in a damaged table than the backup counted. */
async function fewerRows(
  { session, shape, damage }: ElsewhereRequest,
  others: ManifestTenant[],
): Promise<Map<string, AlsoHit>> {
  const live = await session.countAll(shape);
  const found = others.map((other): AlsoHit => {
    const tables = damage.flatMap(({ name }) => {
      const then = own(other.rows, name) ?? 0;
      const now = own(own(live, name), other.id.text) ?? 0;
      return then >= 5 && now <= then * (1 - suspiciousShare) ? [name] : [];
    });
    return { slug: other.slug, tables, missing: null, overwritten: null };
  });
  return new Map(found.filter((one) => one.tables.length > 0).map((one) => [one.slug, one]));
}

type Enough = () => 'time' | 'skipped' | null;

/** Tenants whose rows in a damaged table are not what the manifest says; in most tables first. */
async function changedTenants(
  context: ActionContext,
  { session, shape, damage }: ElsewhereRequest,
  others: ManifestTenant[],
  enough: Enough,
): Promise<ManifestTenant[]> {
  const weight = new Map<string, number>();
  for (const [done, { name, insert, update }] of damage.entries()) {
    if (enough()) break;
    context.progress({ phase: 'other tenants', done, total: damage.length, unit: 'tables' });
    const live = (await session.digestAll(withParents(shape, name)))[name] ?? {};
    for (const other of others) {
      const then = own(other.digests, name);
      if (then === own(live, other.id.text)?.digest) continue;
      weight.set(other.slug, (weight.get(other.slug) ?? 0) + insert + update);
    }
  }
  return others
    .filter((other) => weight.has(other.slug))
    .sort((a, b) => (weight.get(b.slug) ?? 0) - (weight.get(a.slug) ?? 0));
}

/** The shape of one table, with the tenants and the tables its rows are owned through. */
function withParents(shape: SliceShape, name: string): SliceShape {
  const wanted = new Set([name]);
  for (const at of wanted) {
    const membership = shape.tables.find((table) => table.name === at)?.membership;
    if (membership?.via !== 'links') continue;
    for (const link of [...membership.links, ...(membership.loops ?? [])]) wanted.add(link.parent);
  }
  return {
    ...shape,
    tables: shape.tables.filter((table) => wanted.has(table.name) || table.membership.via === 'identity'),
  };
}

async function compareRows(
  context: ActionContext,
  { damage, backup }: ElsewhereRequest,
  changed: ManifestTenant[],
  enough: Enough,
): Promise<{ hit: AlsoHit[]; looked: string[] }> {
  const hit: AlsoHit[] = [];
  const looked: string[] = [];
  if (changed.length === 0 || enough()) return { hit, looked };
  const bench = await Workbench.open(lookingOnly(context), backup.id, undefined, () =>
    changed.map((tenant) => tenant.id),
  );
  try {
    const { tenants } = bench.ground;
    for (const [done, other] of changed.entries()) {
      if (enough()) break;
      context.progress({ phase: 'other tenants', done, total: changed.length, unit: 'tenants' });
      const tenant = tenants.find((one) => sameId(one.id, other.id));
      // Whoever is gone altogether is hit for certain, and the fall of its rows says so.
      if (!tenant) continue;
      const plan = await bench.change(tenant).plan({ mode: 'exact' });
      const tables = plan.tables.filter(
        ({ name, insert, update, backup: rows }) =>
          damage.some((one) => one.name === name) &&
          insert + update >= fewRows &&
          insert + update >= rows * suspiciousShare,
      );
      looked.push(other.slug);
      if (tables.length === 0) continue;
      hit.push({
        slug: other.slug,
        tables: tables.map((table) => table.name),
        missing: tables.reduce((sum, table) => sum + table.insert, 0),
        overwritten: tables.reduce((sum, table) => sum + table.update, 0),
      });
    }
  } finally {
    await bench.close();
  }
  return { hit, looked };
}
