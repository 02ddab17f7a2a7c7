import { basename } from 'node:path';
import type { BackupEntry } from '../../backups/catalogue.ts';
import { listBackups } from '../../backups/catalogue.ts';
import { assumedZone } from '../../backups/names.ts';
import type { Config } from '../../config/schema.ts';
import { printable } from '../../engine/printable.ts';
import type { Tenant } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import { effectivePolicy } from '../../policy/policy.ts';
import { rpoAge } from '../../policy/rpo.ts';
import { tiers } from '../../policy/tiers.ts';
import { ageText } from '../format.ts';
import type { Finding } from './finding.ts';
import { fine, warning } from './finding.ts';

/** A clock this far behind the newest backup is wrong, or the backup's zone is. */
const skewSeconds = 120;

/** The backups folder: readable, recent enough for the tiers there are, and not from the future. */
export async function examineBackups(config: Config, tenants: Tenant[], now: Date): Promise<Finding[]> {
  if (!config.backups) {
    return [
      warning('backups', 'no backups folder is named', 'set backups: in the config, BACKUP_DIR or --backups'),
    ];
  }
  try {
    const alone: string[] = [];
    const backups = await listBackups(config, { onAlone: (manifest) => alone.push(manifest) });
    return [...judge(backups, config, tenants, now), ...lonely(alone)];
  } catch (error) {
    if (!(error instanceof TenantDrError)) throw error;
    return [warning('backups', error.message, error.hint ?? 'check the folder')];
  }
}

function judge(backups: BackupEntry[], config: Config, tenants: Tenant[], now: Date): Finding[] {
  const whole = backups.filter((backup) => backup.kind === 'database' || backup.kind === 'system');
  const good = whole.filter((backup) => backup.problem === null && backup.verified !== false);
  const [newest] = good;
  const folder = config.backups?.path ?? '';
  if (!newest) {
    return [warning('backups', `no usable backup in ${folder}`, 'take one now: tenant-dr backup')];
  }
  const age = ageText(Math.max(0, (now.getTime() - newest.takenAt.getTime()) / 1000));
  return [
    fine('backups', `${good.length} in ${folder}, newest ${printable(newest.id)}, ${age} old`),
    ...bad(whole),
    ...late(newest, config, tenants, now),
    ...clock(newest, now),
    ...(newest.takenAtSource === 'file name' && config.backups?.timezone === undefined
      ? [
          warning(
            'backup times',
            `times in file names are read as ${assumedZone(undefined)}`,
            'say which zone they are in: backups: { path: …, timezone: … }',
          ),
        ]
      : []),
  ];
}

/** Moved away on purpose, as old backups are, or never finished: nothing to warn of. */
function lonely(manifests: string[]): Finding[] {
  const last = manifests.toSorted().at(-1);
  if (last === undefined) return [];
  const name = printable(basename(last));
  const detail = `manifests whose backup is not there: ${manifests.length}, last ${name}; it was moved away, is being taken, or that was killed`;
  return [fine('backups', detail)];
}

function bad(whole: BackupEntry[]): Finding[] {
  const broken = whole.filter((backup) => backup.problem !== null || backup.verified === false);
  if (broken.length === 0) return [];
  const [first] = broken;
  return [
    warning(
      'backups',
      `${broken.length} cannot be used, newest ${printable(first?.id ?? '')}: ${printable(first?.problem ?? 'its verification failed')}`,
      'see tenant-dr backups',
    ),
  ];
}

function late(newest: BackupEntry, config: Config, tenants: Tenant[], now: Date): Finding[] {
  const policy = effectivePolicy(config.policy);
  const present = tiers.filter((tier) => tenants.some((tenant) => tenant.tier === tier));
  const missed = present.filter(
    (tier) => !rpoAge(policy[tier], newest.takenAt, now).met && newest.takenAt <= now,
  );
  if (missed.length === 0) return [];
  const limits = missed.map((tier) => `${tier} ${ageText(policy[tier].rpoSeconds)}`).join(', ');
  return [
    warning(
      'RPO',
      `the newest backup is older than the RPO of ${limits}`,
      'take one now: tenant-dr backup; then as often as the highest tier demands',
    ),
  ];
}

function clock(newest: BackupEntry, now: Date): Finding[] {
  const ahead = (newest.takenAt.getTime() - now.getTime()) / 1000;
  if (ahead <= skewSeconds) return [];
  const where = newest.takenAtSource === 'file name' ? ' or backups.timezone' : '';
  return [
    warning(
      'clock',
      `the newest backup is dated ${ageText(ahead)} in the future`,
      `check the clock of this machine${where}`,
    ),
  ];
}
