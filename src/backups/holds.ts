import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { makeFolder, writeDurably } from '../engine/durable.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';

/**
 * Backups an open incident may still need: `<state>/holds/<incident>.json`. Whatever prunes backups asks `heldBy`
 * first and leaves them alone.
 */
const holdSchema = z.object({
  version: z.literal(1),
  incident: z.string(),
  since: z.string(),
  backups: z.array(z.object({ path: z.string(), sha256: z.string().nullable() })),
});

export type Hold = z.output<typeof holdSchema>;
export type HeldBackup = Hold['backups'][number];

type Place = Pick<Config, 'state'>;

/** Adds backups to the hold of an incident. Holding the same one twice changes nothing. */
export async function holdBackups(
  config: Place,
  incident: string,
  backups: HeldBackup[],
  now = new Date(),
): Promise<void> {
  const path = holdPath(config, incident);
  await makeFolder(join(config.state, 'holds'));
  const earlier = (await readHold(path)) ?? { version: 1, incident, since: now.toISOString(), backups: [] };
  const added = backups.filter((backup) => !earlier.backups.some((held) => held.path === backup.path));
  await writeDurably(path, `${JSON.stringify({ ...earlier, backups: [...earlier.backups, ...added] })}\n`);
}

/** Lets go of everything an incident held. Does nothing when it held nothing. */
export async function releaseHolds(config: Place, incident: string): Promise<void> {
  await rm(holdPath(config, incident), { force: true });
}

/** Incidents that need this backup, by its path or, where known, its checksum. A damaged hold rejects: better to keep too much. */
export async function heldBy(
  config: Place,
  backup: { path: string; sha256: string | null },
): Promise<string[]> {
  const holders: string[] = [];
  for (const hold of await listHolds(config)) {
    const needed = hold.backups.some(
      (held) => held.path === backup.path || (backup.sha256 !== null && held.sha256 === backup.sha256),
    );
    if (needed) holders.push(hold.incident);
  }
  return holders;
}

export async function listHolds(config: Place): Promise<Hold[]> {
  const folder = join(config.state, 'holds');
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const holds: Hold[] = [];
  for (const name of names.filter((name) => name.endsWith('.json')).sort()) {
    const hold = await readHold(join(folder, name));
    if (hold) holds.push(hold);
  }
  return holds;
}

function holdPath(config: Place, incident: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(incident)) {
    throw new TenantDrError('incident-unknown', 'That is not the id of an incident.', {
      hint: '`tenant-dr incidents` lists them',
    });
  }
  return join(config.state, 'holds', `${incident}.json`);
}

async function readHold(path: string): Promise<Hold | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    return holdSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new TenantDrError('journal-damaged', `The hold ${path} cannot be read: ${reasonOf(error)}.`, {
      hint: 'look which incident it belongs to; remove it only when that incident is closed',
      cause: error,
    });
  }
}
