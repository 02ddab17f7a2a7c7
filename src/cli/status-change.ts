import { type StatusAim, statusAim } from '../actions/former-status.ts';
import { statusOrHooks } from '../actions/status.ts';
import { printable } from '../engine/printable.ts';
import { idForJson } from '../engine/tenant.ts';
import type { FoundTenant } from '../engine/tenants.ts';
import { TenantDrError } from '../errors.ts';
import type { Result } from './command.ts';
import { withIncident } from './commands/restore.ts';
import type { Context } from './context.ts';
import { type OneStepResult, runOneStep } from './one-step.ts';

/** `suspend` and `reactivate`: an incident with one step that sets the tenant's status. */

interface StatusChange {
  kind: 'suspend' | 'reactivate';
  tenant: string;
  confirm: string | undefined;
  /** Of suspend: seconds after which waiting for stillness ends. */
  patience?: number;
}

interface Settled {
  quiet: boolean;
  seconds: number;
  samples: { tables: string[] }[];
}

export async function changeStatus(context: Context, request: StatusChange): Promise<Result> {
  const config = await context.config();
  const database = await context.openDatabase(config);
  const [{ findTenant }, actions] = await Promise.all([
    import('../runbook/find-tenant.ts'),
    import('../actions/registry.ts'),
  ]);
  const tenant = await findTenant(request.tenant, { config, database });
  const { kind } = request;
  const action = actions.actions.find((one) => one.id === kind);
  const settle = actions.actions.find((one) => one.id === 'settle');
  if (!action || !settle) throw new TenantDrError('internal', `There is no action "${kind}".`);
  requireRow(tenant);
  const status = statusOrHooks(config, kind);
  const place = `${printable(database.location)} (${printable(config.environment)})`;
  const { location } = database;
  const aim =
    kind === 'reactivate' && status
      ? await statusAim({ config, location, tenant, status, current: tenant.status, own: null })
      : null;
  const what = kind === 'suspend' ? 'can no longer work' : 'can work again';
  await context.confirm({
    phrase: tenant.slug,
    given: request.confirm,
    stakes: () =>
      `${printable(tenant.name)} (${printable(tenant.slug)}, ${tenant.tier}) ${what} in ${place}.${aim ? ` Its status: ${aimSaid(aim)}.` : ''}`,
  });
  const session = await database.open({ mode: 'read' });
  await session.close();
  const waiting = {
    insist: false,
    ...(request.patience === undefined ? {} : { patience: request.patience }),
  };
  const result = await runOneStep(context, config, {
    kind,
    title: `${kind === 'suspend' ? 'Suspend' : 'Reactivate'} ${tenant.slug}`,
    action,
    input: kind === 'suspend' ? {} : { requireVerification: false },
    ...(kind === 'suspend' ? { followedBy: [{ action: settle, input: waiting }] } : {}),
    tenant,
    identity: session.identity,
    phrase: tenant.slug,
    held: {},
  });
  if (result.error) throw withIncident(result.error, result.incident);
  return resultOf(tenant, kind, result, status !== null);
}

function requireRow(tenant: FoundTenant): void {
  if (tenant.live) return;
  throw new TenantDrError(
    'tenant-unknown',
    `The row of ${printable(tenant.slug)} is gone from the live database: there is no status to set.`,
    { hint: 'Restore the tenant first: it comes back suspended.' },
  );
}

function aimSaid({ text, why }: Pick<StatusAim, 'text' | 'why'>): string {
  return `${printable(text ?? 'NULL')}, ${printable(why)}`;
}

function resultOf(
  tenant: FoundTenant,
  kind: StatusChange['kind'],
  { incident, output, outputs }: OneStepResult,
  hasStatus: boolean,
): Result {
  const {
    former = null,
    status,
    from,
    why,
  } = (output ?? {}) as {
    former?: string | null;
    status?: string | null;
    from?: StatusAim['from'];
    why?: string;
  };
  const settled = (outputs.settle ?? null) as Settled | null;
  const still = settled && {
    quiet: settled.quiet,
    seconds: settled.seconds,
    tables: [...new Set(settled.samples.flatMap((one) => one.tables))],
  };
  const lines = [
    `${printable(tenant.slug)} ${kind === 'suspend' ? 'is suspended' : 'can work again'} (${hasStatus ? `it was ${printable(former ?? 'NULL')}` : 'by its hooks'}).`,
  ];
  if (status !== undefined && why !== undefined) lines.push(`Its status: ${aimSaid({ text: status, why })}.`);
  if (still?.quiet) lines.push(`Its rows have been still; waited ${Math.round(still.seconds)} s.`);
  if (still && !still.quiet)
    lines.push(
      `Its rows still change after ${Math.round(still.seconds)} s: ${still.tables.map(printable).join(', ')}.`,
    );
  lines.push(`Incident ${incident}`);
  return {
    document: {
      incident,
      tenant: { id: idForJson(tenant.id), slug: tenant.slug },
      former,
      ...(status === undefined ? {} : { status, statusFrom: from }),
      ...(still ? { settled: still } : {}),
    },
    text: lines.join('\n'),
  };
}
