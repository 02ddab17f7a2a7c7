import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { makeFolder } from '../../engine/durable.ts';
import { reasonOf } from '../../errors.ts';
import { bytesText } from '../format.ts';
import type { Finding } from './finding.ts';
import { failure, fine, warning } from './finding.ts';

/** State folder and mirror: writable, private, on another disk than the live database, with room to stage. */
export async function examineFolders(config: Config): Promise<Finding[]> {
  const live = config.database?.startsWith('sqlite:') ? config.database.slice('sqlite:'.length) : undefined;
  const state = await writable('state folder', config.state);
  if (!state.ok) return [state];
  return [
    state,
    ...privacy(config.state),
    ...sharedDisk(config.state, live, config.mirror),
    ...(config.mirror === undefined ? [] : [await writable('mirror', config.mirror)]),
    ...room(config.state, live),
  ];
}

/** Makes the folder if need be and tries a file in it: rights alone do not tell about read-only disks. */
async function writable(name: string, folder: string): Promise<Finding> {
  const probe = join(folder, `.doctor-${randomUUID()}`);
  try {
    await makeFolder(folder);
    writeFileSync(probe, '', { mode: 0o600 });
    rmSync(probe);
    return fine(name, `${folder} is writable`);
  } catch (error) {
    return failure(
      'permission-denied',
      name,
      `${folder} cannot be written: ${reasonOf(error)}`,
      'an incident needs it; name another with --state or TENANT_DR_STATE',
    );
  }
}

function privacy(folder: string): Finding[] {
  if ((statSync(folder).mode & 0o077) === 0) return [];
  return [
    warning(
      'state folder',
      `${folder} can be read by others, and safety copies hold customers' rows`,
      `chmod 700 ${folder}`,
    ),
  ];
}

function sharedDisk(state: string, live: string | undefined, mirror: string | undefined): Finding[] {
  if (live === undefined || !existsSync(live)) return [];
  const disk = statSync(live).dev;
  if (statSync(state).dev !== disk) return [];
  if (mirror !== undefined && existsSync(mirror) && statSync(mirror).dev !== disk) return [];
  return [
    warning(
      'state folder',
      'it is on the same disk as the live database: one broken disk takes both',
      'put --state on another disk, or set mirror: to a folder on one',
    ),
  ];
}

/** Staging needs room for a whole copy of the database, the safety copy for a slice of it. */
function room(state: string, live: string | undefined): Finding[] {
  const { bavail, bsize } = statfsSync(state);
  const free = bavail * bsize;
  // stat opens nothing: no lock of the live database is at risk.
  const needed = live !== undefined && existsSync(live) ? statSync(live).size * 2 : 0;
  const detail = `${bytesText(free)} free for ${dirname(join(state, 'x'))}`;
  if (free >= Math.max(needed, 100_000_000)) return [fine('disk', detail)];
  return [
    warning(
      'disk',
      `${detail}; staging a backup may need ${bytesText(Math.max(needed, 100_000_000))}`,
      'free some space, or put --state on a larger disk',
    ),
  ];
}
