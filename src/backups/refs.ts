import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { nearestOf } from '../config/explain.ts';
import type { Config } from '../config/schema.ts';
import { nothingIfMissing } from '../engine/durable.ts';
import { TenantDrError } from '../errors.ts';
import { type BackupEntry, type BackupKind, listBackups, takenAtOf } from './catalogue.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { idOf } from './names.ts';
import { parseInstant } from './times.ts';

/** What a `<ref>` stands for, before anything is opened. */
export interface Located {
  ref: string;
  id: string;
  path: string;
  kind: BackupKind;
  takenAt: Date | null;
  takenAtSource: BackupEntry['takenAtSource'] | null;
  manifest: Manifest | null;
  /** Every row in it is the slice. */
  whole: boolean;
}

/**
 * Finds the backup a ref names: a path, an id from `backups`, `latest`, `before:<time with zone>`,
 * `safety:<incident>` or `safety:<incident>/<slug>`, or `postgres://…`. Rejects with backup-missing,
 * backup-ref-unknown, time-without-zone.
 */
export async function locate(ref: string, config: Config, cwd = process.cwd()): Promise<Located> {
  if (/^postgres(ql)?:\/\//.test(ref)) return located(ref, { id: ref, path: ref, kind: 'live' });
  if (ref.startsWith('safety:')) return locateSafety(ref, config);
  if (ref === 'latest') return chosen(ref, await newest(config, null));
  if (ref.startsWith('before:')) {
    const time = parseInstant(ref.slice('before:'.length));
    return chosen(ref, await newest(config, time));
  }
  const path = isAbsolute(ref) ? ref : resolve(cwd, ref);
  if (ref !== '' && (await exists(path))) return locatePath(ref, path, config);
  return chosen(ref, await byId(ref, config));
}

/**
 * The ref in words that mean the same backup in every folder and at any time: a path becomes absolute, and what
 * another backup could answer to tomorrow becomes the id of the one it stands for now.
 */
export function refInFull({ ref, id, path, kind }: Located): string {
  if (kind === 'live' || ref.startsWith('safety:')) return ref;
  return resolve(ref) === path ? path : id;
}

async function byId(ref: string, config: Config): Promise<BackupEntry> {
  const entries = await listBackups(config, { heads: true });
  const called = entries.filter(({ path }) => path.endsWith(`/${ref}`) || idOf(path) === ref);
  const found = entries.find(({ id }) => id === ref) ?? called[0];
  if (found && (found.id === ref || called.length === 1)) return found;
  if (found) {
    throw new TenantDrError('backup-ref-unknown', `${called.length} backups are called "${ref}".`, {
      hint: `name one: ${called.map(({ id }) => id).join(', ')}`,
    });
  }
  const looksLikePath = ref.includes('/') || /\.(db|gz|zst|dump|sql|sqlite3?)$/.test(ref);
  const near = nearestOf(
    ref,
    entries.map((entry) => entry.id),
  );
  throw new TenantDrError(
    looksLikePath ? 'backup-missing' : 'backup-ref-unknown',
    looksLikePath ? `There is no file ${ref}.` : `No backup is called "${ref}".`,
    {
      hint: near
        ? `did you mean ${near}? \`tenant-dr backups\` lists them all`
        : '`tenant-dr backups` lists what there is',
    },
  );
}

/** The newest backup, or the newest taken before a time. One that is known to be bad is never passed over silently. */
async function newest(config: Config, before: Date | null): Promise<BackupEntry> {
  const entries = (await listBackups(config, { heads: true })).filter(
    (entry) => entry.kind === 'database' || entry.kind === 'system',
  );
  const fitting = entries.filter((entry) => !before || entry.takenAt.getTime() < before.getTime());
  const [first] = fitting;
  if (!first) {
    const oldest = entries.at(-1);
    throw new TenantDrError(
      'backup-missing',
      before ? `There is no backup from before ${before.toISOString()}.` : 'There is no backup.',
      {
        hint:
          oldest && before
            ? `the oldest is ${oldest.id}, ${oldest.takenAt.toISOString()}`
            : 'set `backups:` in the config or --backups',
      },
    );
  }
  if (first.problem || first.verified === false) {
    const good = fitting.find((entry) => !entry.problem && entry.verified !== false);
    throw new TenantDrError(
      'backup-corrupt',
      `The newest backup, ${first.id}, cannot be used: ${first.problem ?? 'its verification failed'}`,
      {
        hint: good
          ? `the newest without a known problem is ${good.id}, ${good.takenAt.toISOString()}`
          : 'no other backup fits',
      },
    );
  }
  return first;
}

async function locatePath(ref: string, path: string, config: Config): Promise<Located> {
  const manifest = await readManifest(path);
  const file = await stat(path);
  // pg_dump's directory format: such a folder is one backup.
  if (file.isDirectory() && !(await exists(join(path, 'toc.dat')))) {
    throw new TenantDrError('usage', `${path} is a folder, not a backup. Nothing was changed.`, {
      hint: 'name a file, or one of those `tenant-dr backups --backups <folder>` lists',
    });
  }
  // Such as `<(zcat …)`: it has no size, and ends when it likes.
  if (!file.isDirectory() && !file.isFile()) {
    throw new TenantDrError('usage', `${path} is a pipe or a device, not a file. Nothing was changed.`, {
      hint: 'write what comes out of it into a file, and name that',
    });
  }
  const { takenAt, takenAtSource } = takenAtOf(path, manifest, file.mtime, config);
  const kind = manifest?.kind ?? 'database';
  return located(ref, { id: idOf(path), path, kind, takenAt, takenAtSource, manifest });
}

/** SQLite's are databases, PostgreSQL's are text; older ones of either are called .db. */
const safetyEnding = /\.(db|sql)$/;
const bare = (name: string): string => name.replace(safetyEnding, '');

/** Safety copies lie with their incident; with several tenants each has its own. */
async function locateSafety(ref: string, config: Config): Promise<Located> {
  const [incident = '', slug] = ref.slice('safety:'.length).split('/');
  const folder = join(config.state, 'incidents', incident);
  if (incident === '' || incident.startsWith('.') || !(await exists(folder))) {
    throw new TenantDrError('incident-unknown', `There is no incident "${incident}".`, {
      hint: '`tenant-dr incidents` lists them',
    });
  }
  const names = ((await readdir(join(folder, 'safety')).catch(nothingIfMissing)) ?? [])
    .filter((name) => safetyEnding.test(name))
    .sort();
  const wanted = slug === undefined ? names : names.filter((name) => [name, bare(name)].includes(slug));
  const [name] = wanted;
  if (!name) {
    throw new TenantDrError(
      'backup-missing',
      `Incident ${incident} has no safety copy${slug ? ` of ${slug}` : ''}.`,
      {
        hint:
          names.length > 0 ? `there are: ${names.join(', ')}` : 'nothing was changed in it, so none was made',
      },
    );
  }
  if (wanted.length > 1) {
    throw new TenantDrError(
      'backup-ref-unknown',
      `Incident ${incident} has ${wanted.length} safety copies.`,
      {
        hint: `name one, as in safety:${incident}/${new Set(wanted.map(bare)).size === wanted.length ? bare(name) : name}`,
      },
    );
  }
  const path = join(folder, 'safety', name);
  const manifest = await readManifest(path);
  const file = await stat(path);
  return located(ref, {
    id: ref,
    path,
    kind: 'safety',
    takenAt: manifest ? new Date(manifest.takenAt) : file.mtime,
    takenAtSource: manifest ? 'manifest' : 'file time',
    manifest,
  });
}

async function chosen(ref: string, entry: BackupEntry): Promise<Located> {
  const { id, path, kind, takenAt, takenAtSource } = entry;
  // The list made do with its head, and passed over one that does not describe the file.
  const manifest = entry.manifest && (await readManifest(path));
  return located(ref, { id, path, kind, takenAt, takenAtSource, manifest });
}

function located(ref: string, known: Pick<Located, 'id' | 'path' | 'kind'> & Partial<Located>): Located {
  const whole = known.kind === 'safety' || known.kind === 'archive';
  return { takenAt: null, takenAtSource: null, manifest: null, ...known, ref, whole };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
