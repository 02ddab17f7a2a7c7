import type { SliceShape } from '../../engine/slice.ts';
import { hasManyWays } from '../../engine/slice.ts';
import type { TenantId } from '../../engine/tenant.ts';
import { sameId } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import { whichHold } from './holding.ts';
import type { Structure } from './introspect.ts';
import { tablesAtOnce } from './portions.ts';
import type { Sql } from './sql.ts';
import type { Stage } from './stage.ts';
import type { Slot, StatusRule, Workspace } from './workspace.ts';
import { buildSlots, dropTables, emptied, make, signature } from './workspace.ts';

export interface CollectRequest {
  shape: SliceShape;
  tenant: TenantId;
  staged: Workspace['stagedAs'];
  status: StatusRule | null;
}

/**
 * A workspace for a slice. Temporary tables of the one before are used again while the structure is the same, and
 * so are the rows in them while the tenant is.
 */
export async function prepareWorkspace(
  sql: Sql,
  structure: Structure,
  stage: Stage | null,
  request: CollectRequest,
  before: Workspace | null,
): Promise<Workspace> {
  const slots = buildSlots(sql, structure, request.shape, stage);
  const former = before && signature(before.slots) === signature(slots) ? before : null;
  if (!former) await dropTables(sql, 'live|staged|want|gone');
  const sameTenant = former !== null && sameId(former.tenant, request.tenant);
  if (former) await takeOver(sql, slots, former, sameTenant);
  const stagedKnown =
    sameTenant &&
    former.stagedAs === request.staged &&
    !former.valuesSet &&
    (allFits(former) || kept(former.slots) === kept(slots));
  return {
    ...bareWorkspace(sql, structure, request.shape, slots),
    stage,
    tenant: request.tenant,
    stagedAs: request.staged,
    stagedKnown,
    status: request.status,
    misfits: stagedKnown ? former.misfits : [],
    bared: stagedKnown && former.bared,
  };
}

/**
 * Where they are many, the temporary tables of whatever may hold rows of a tenant are made while no transaction is open
 * that would hold their locks. Resolves with null where they are few.
 */
export async function makeMany(
  sql: Sql,
  structure: Structure,
  shape: SliceShape,
  stage: Stage | null,
): Promise<Workspace | null> {
  if (shape.tables.length <= tablesAtOnce) return null;
  const slots = buildSlots(sql, structure, shape, stage);
  await dropTables(sql, 'live|staged|want|gone');
  const any = slots.map(({ slice, target }) => [slice.name, `EXISTS (SELECT FROM ${target})`] as const);
  const filled = await whichHold(sql, new Map(any));
  await make(sql, 'live', ...slots.filter(({ slice }) => filled.has(slice.name)));
  await make(sql, 'staged', ...slots.filter(({ slice }) => (stage?.raw.get(slice.name)?.rows ?? 0) > 0));
  return bareWorkspace(sql, structure, shape, slots);
}

/** Drops them again bit by bit: at the end of a session the server would lock all of them at once. */
export async function dropMany({ sql, slots }: Workspace): Promise<void> {
  if (slots.length <= tablesAtOnce) return;
  try {
    await dropTables(sql, 'raw|member|live|staged|want|gone');
  } catch (error) {
    // A session that is gone or failed cannot; the server does it by itself then.
    if (!(error instanceof TenantDrError)) throw error;
  }
}

function allFits({ misfits, bared }: Workspace): boolean {
  return misfits.length === 0 && !bared;
}

function kept(slots: Slot[]): string {
  return JSON.stringify(slots.filter(({ slice }) => slice.mode === 'keep').map(({ slice }) => slice.name));
}

/** What the tables hold stays known; another tenant's rows make room. */
async function takeOver(sql: Sql, slots: Slot[], former: Workspace, sameTenant: boolean): Promise<void> {
  for (const [i, slot] of slots.entries()) {
    const { made, rows, dead, known } = former.slots[i] as Slot;
    slot.made = made;
    slot.rows = rows;
    slot.dead = dead;
    slot.known = sameTenant && known;
  }
  const empty = emptied(slots, sameTenant ? ['want', 'gone'] : ['live', 'staged', 'want', 'gone']);
  if (empty) await sql.run(empty);
}

/** A workspace without temporary tables, for readings over all tenants. */
export function censusWorkspace(sql: Sql, structure: Structure, shape: SliceShape): Workspace {
  const slots = buildSlots(sql, structure, shape, null);
  return { ...bareWorkspace(sql, structure, shape, slots), tenant: { type: idTypeIn(slots), text: '' } };
}

/** A workspace of which nothing is known yet. */
export function bareWorkspace(sql: Sql, structure: Structure, shape: SliceShape, slots: Slot[]): Workspace {
  return {
    sql,
    structure,
    stage: null,
    shape,
    slots,
    byName: new Map(slots.map((slot) => [slot.slice.name, slot])),
    manyWays: hasManyWays(shape.tables),
    tenant: { type: 'text', text: '' },
    stagedAs: 'none',
    stagedKnown: false,
    valuesSet: false,
    returning: new Set(),
    loose: new Set(),
    status: null,
    misfits: [],
    bared: false,
  };
}

function idTypeIn(slots: Slot[]): TenantId['type'] {
  const root = slots.find((slot) => slot.slice.membership.via === 'identity');
  const membership = root?.slice.membership;
  const column = root?.relation.columns.find(
    (one) => membership?.via === 'identity' && one.name === membership.column,
  );
  return column?.baseType === 'bytea' ? 'blob' : 'text';
}
