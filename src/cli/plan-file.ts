import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PlanOptions, Workbench } from '../actions/change.ts';
import { writeDurably } from '../engine/durable.ts';
import { restoreModes } from '../engine/plan.ts';
import type { Plan } from '../engine/planning.ts';
import { printable } from '../engine/printable.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';
import type { Context } from './context.ts';

/** plan.json: what was shown, with the digests it was made from, so that `restore --plan` can tell whether it is still true. */
const planFile = z.object({
  schema: z.literal('tenant-dr/plan/1'),
  tenantId: z.object({ type: z.enum(['integer', 'text', 'blob']), text: z.string() }),
  tenant: z.object({ id: z.union([z.string(), z.number()]), slug: z.string() }),
  database: z.string(),
  backup: z.object({ path: z.string(), sha256: z.string() }),
  live: z.string(),
  planned: z.string(),
  tables: z.array(z.object({ name: z.string(), insert: z.number(), update: z.number(), delete: z.number() })),
  options: z.object({
    mode: z.enum(restoreModes),
    tables: z.array(z.string()).optional(),
    review: z.record(z.string(), z.enum(['restore', 'skip', 'set'])).optional(),
    withShared: z.boolean().optional(),
    foreignSource: z.string().optional(),
  }),
});
export type PlanFile = z.output<typeof planFile>;

export async function savePlan(
  file: string,
  made: {
    bench: Workbench;
    plan: Plan;
    document: Record<string, unknown>;
    options: PlanOptions;
    foreignSource: string | undefined;
  },
  context: Context,
): Promise<void> {
  const { bench, plan, document, options, foreignSource } = made;
  const { mode, tables, review, withShared } = options;
  const content = {
    schema: 'tenant-dr/plan/1',
    ok: true,
    ...document,
    tenantId: plan.tenant.id,
    database: bench.ground.session.identity.location,
    backup: { path: bench.backup.path, sha256: await bench.backup.sha256() },
    options: { mode, tables, review, withShared, foreignSource },
  };
  await writeDurably(resolve(context.cwd, file), `${JSON.stringify(content, null, 2)}\n`);
}

/** A plan is written to a new file or over an earlier plan, never over anything else. Throws usage. */
export async function requirePlanPlace(file: string, context: Context): Promise<void> {
  const path = resolve(context.cwd, file);
  const head = await headOf(path);
  if (head === null || head.includes('"tenant-dr/plan/1"')) return;
  throw new TenantDrError('usage', `${printable(path)} exists and is no plan. Nothing was changed.`, {
    hint: 'name another file for --out',
  });
}

/** The first bytes of a file; null where there is none. */
async function headOf(path: string): Promise<string | null> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  try {
    return file && (await file.read(Buffer.alloc(64), 0, 64, 0)).buffer.toString();
  } finally {
    await file?.close();
  }
}

/** Throws file-missing and usage. */
export async function loadPlan(file: string, context: Context): Promise<PlanFile> {
  const path = resolve(context.cwd, file);
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    throw new TenantDrError(
      'file-missing',
      `The plan ${printable(path)} can't be read: ${reasonOf(error)}. Nothing was changed.`,
      {
        hint: 'Make it with `tenant-dr plan <tenant> --from <ref> --out plan.json`.',
        cause: error,
      },
    );
  }
  try {
    return planFile.parse(JSON.parse(content));
  } catch (error) {
    throw new TenantDrError(
      'usage',
      `${printable(path)} is not a plan written by \`tenant-dr plan --out\`. Nothing was changed.`,
      {
        hint: 'Make it anew.',
        cause: error,
      },
    );
  }
}

export interface Besides {
  tenants: string[];
  tier: string | undefined;
  tenantsFile: string | undefined;
  missing: boolean;
  mode: string | undefined;
  tables: string[] | undefined;
  review: string[] | undefined;
  withShared: boolean;
}

/** A plan says whose rows change and how: what a command line says besides would go unheard. Throws usage. */
export function requireNothingElse({ tenant }: PlanFile, besides: Besides): void {
  const { tenants, tier, tenantsFile, missing, mode, tables, review, withShared } = besides;
  const names = [tenant.slug, `slug:${tenant.slug}`, `${tenant.id}`, `id:${tenant.id}`];
  const said = Object.entries({
    'another tenant': tenants.some((name) => !names.includes(name)),
    '--tier': tier,
    '--tenants-file': tenantsFile,
    '--missing': missing,
    '--mode': mode,
    '--tables': tables,
    '--review': review,
    '--with-shared': withShared,
  }).flatMap(([name, given]) => (given ? [name] : []));
  if (said.length === 0) return;
  throw new TenantDrError(
    'usage',
    `The plan is about ${printable(tenant.slug)} and says what changes: ${said.join(', ')} cannot be given with it. Nothing was changed.`,
    { hint: 'Make another plan, or restore with --from.' },
  );
}

/** Refuses when the backup or the rows are no longer those the plan was made from, and says what changed. */
export async function requireStillTrue(saved: PlanFile, plan: Plan, bench: Workbench): Promise<void> {
  if ((await bench.backup.sha256()) !== saved.backup.sha256) {
    throw new TenantDrError(
      'plan-stale',
      'The backup is not the file this plan was made from. Nothing was changed.',
      { hint: 'Plan again.' },
    );
  }
  if (bench.ground.session.identity.location !== saved.database) {
    throw new TenantDrError(
      'plan-stale',
      `This plan was made for ${printable(saved.database)}. Nothing was changed.`,
      { hint: 'Plan again for this database.' },
    );
  }
  if (plan.live.digest === saved.live && plan.planned.digest === saved.planned) return;
  const { staleError } = await import('../engine/planning.ts');
  const moved = plan.tables.filter((table) => {
    const before = saved.tables.find((one) => one.name === table.name);
    return (
      !before ||
      before.insert !== table.insert ||
      before.update !== table.update ||
      before.delete !== table.delete
    );
  });
  throw staleError(plan.tenant.slug, saved.tables, moved);
}
