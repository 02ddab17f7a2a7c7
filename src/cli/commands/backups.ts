import type { Bisection } from '../../backups/bisect.ts';
import type { BackupEntry } from '../../backups/catalogue.ts';
import type { Askable } from '../../backups/conditions.ts';
import type { Fall, TenantHistory } from '../../backups/history.ts';
import type { Config } from '../../config/schema.ts';
import type { OnProgress } from '../../engine/port.ts';
import { printable } from '../../engine/printable.ts';
import { idForJson } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import { backupForJson, backupTable, localTime, zoneNote } from '../backup-list.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { historyChart } from '../history-chart.ts';
import { unlessInterrupted } from '../interrupt.ts';
import { text } from '../parameters.ts';

export default command({
  // A dump is brought back to be asked, and that is dropped before the process ends.
  effect: 'tidy',
  options: {
    tenant: text('tenant', 'rows of this tenant in every backup, with the fall marked'),
    where: text('condition', 'find the newest backup in which this SQL condition holds (:tenant is the id)'),
  },
  examples: [
    'tenant-dr backups',
    'tenant-dr backups --tenant northwind',
    'tenant-dr backups --tenant northwind --where "(SELECT count(*) FROM agents WHERE tenant_id = :tenant) > 10"',
  ],
  async run(context, { tenant, where }) {
    const { listBackups } = await import('../../backups/catalogue.ts');
    const config = await context.config();
    if (!config.backups) {
      throw new TenantDrError('usage', 'No backup folder is configured.', {
        hint: 'name it with --backups, BACKUP_DIR or `backups:` in the config',
      });
    }
    const entries = await unlessInterrupted(
      context.signal,
      listBackups(config, {
        heads: tenant === undefined,
        onUnreadable: ({ message, hint }) => context.output.warn(`${message} It is left out.`, hint),
        onBeyond: (folder) =>
          context.output.warn(
            `Folders more than three deep are not looked into; the first is ${printable(folder)}.`,
            'Name it with --backups to see what is in it.',
          ),
      }),
    );
    const history = tenant === undefined ? null : await historyFor(tenant, entries);
    const found = where === undefined ? null : await bisected(where, history, entries, context, config);
    const texts = [];
    if (history) texts.push(chartOf(history, context));
    else if (!found) texts.push(listText(entries, context, config));
    if (found) texts.push(foundText(found));
    return {
      document: {
        backups: entries.map((entry) => backupForJson(entry)),
        ...(history ? historyForJson(history) : {}),
        ...(found ? { where: foundForJson(found) } : {}),
      },
      text: texts.join('\n\n'),
    };
  },
});

async function historyFor(tenant: string, entries: BackupEntry[]): Promise<TenantHistory> {
  const { historyOf, tellsRows } = await import('../../backups/history.ts');
  const history = historyOf(tenant, entries);
  if (history) return history;
  const known = entries.some(tellsRows);
  throw new TenantDrError('tenant-unknown', `No backup's manifest knows a tenant "${tenant}".`, {
    hint: known
      ? '`tenant-dr tenants` lists the tenants'
      : 'the backups have no row counts yet; `tenant-dr backup verify <backup>` adds them',
  });
}

async function bisected(
  condition: string,
  history: TenantHistory | null,
  entries: BackupEntry[],
  context: Context,
  config: Config,
): Promise<Bisection & { condition: string }> {
  const { newestWhere } = await import('../../backups/bisect.ts');
  const { Conditions } = await import('../../backups/conditions.ts');
  const { signal } = context;
  const onProgress: OnProgress = (progress) => context.output.progress(progress);
  const tenant = history?.tenant.id ?? null;
  const conditions = new Conditions(config, { condition, tenant, signal, onProgress });
  try {
    const holds = (source: Askable) => conditions.holds(source);
    return { ...(await newestWhere(entries, { config, signal, onProgress, holds })), condition };
  } finally {
    await conditions.close();
  }
}

function chartOf(history: TenantHistory, { output, env, clock }: Context): string {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return historyChart(history, { width: output.columns, unicode: /utf-?8/i.test(locale), now: clock() });
}

function listText(entries: BackupEntry[], { output, clock }: Context, config: Config): string {
  if (entries.length === 0) return `No backups in ${printable(config.backups?.path ?? '')}.`;
  const note = zoneNote(entries, config.backups?.timezone);
  return `${backupTable(entries, clock(), output.tableWidth)}${note && `\n\n${note}`}`;
}

function foundText({ newest, next, asked, unusable }: Bisection): string {
  const lines = asked.map(({ backup, holds }) => `${holds ? 'holds ' : 'not in'}  ${describe(backup)}`);
  const broken = unusable.map(({ backup, reason }) => `unusable ${describe(backup)}: ${printable(reason)}`);
  const verdict = newest
    ? `The condition holds up to ${describe(newest)}${next ? `, no longer in ${describe(next)}` : ', the newest'}.`
    : 'The condition holds in none of the backups asked.';
  return [...lines, ...broken, '', verdict].join('\n');
}

function describe(backup: BackupEntry): string {
  return `${printable(backup.id)} (${localTime(backup.takenAt)})`;
}

function historyForJson({ tenant, points, tables, fall }: TenantHistory): Record<string, unknown> {
  const fallForJson = (one: Fall | null) =>
    one && {
      lastGood: points[one.before]?.backup.id,
      firstBad: points[one.after]?.backup.id,
      lost: one.lost,
    };
  return {
    tenant: { id: idForJson(tenant.id), slug: tenant.slug },
    points: points.map(({ backup, rows }) => ({
      id: backup.id,
      takenAt: backup.takenAt.toISOString(),
      rows,
    })),
    tables: tables.map(({ table, rows, fall: own }) => ({ name: table, rows, fall: fallForJson(own) })),
    fall: fallForJson(fall),
  };
}

function foundForJson(found: Bisection & { condition: string }): Record<string, unknown> {
  return {
    condition: found.condition,
    newest: found.newest?.id ?? null,
    next: found.next?.id ?? null,
    asked: found.asked.map(({ backup, holds }) => ({ id: backup.id, holds })),
    unusable: found.unusable.map(({ backup, reason }) => ({ id: backup.id, reason })),
  };
}
