import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { writeManifest } from '../backups/manifest.ts';
import { version } from '../config/version.ts';
import { nothingIfMissing } from '../engine/durable.ts';
import type { Plan } from '../engine/planning.ts';
import type { Tenant } from '../engine/tenant.ts';
import type { Incident } from '../incident/incident.ts';
import type { ActionContext } from './action.ts';
import type { Change } from './change.ts';

/**
 * Where the next safety copy of a tenant goes: `safety/<slug>` and what files of this kind end with. A copy that a
 * change may depend on is never written over; one of an attempt that changed nothing is.
 */
export async function freeSafetyPath(
  incident: Incident,
  tenant: Pick<Tenant, 'id' | 'slug'>,
  ending: string,
): Promise<string> {
  const needed = new Set(
    incident.state.restores
      .filter((one) => one.state !== 'rolled-back')
      .map((one) => one.intended.safetyCopy.path),
  );
  const base = fileNameOf(tenant);
  for (let count = 1; ; count += 1) {
    const path = incident.path('safety', `${base}${count === 1 ? '' : `-${count}`}${ending}`);
    if (!needed.has(path)) return path;
  }
}

/** How a safety copy is named to `--from`: of several in an incident each has its own name. */
export function safetyRef(incident: string, path: string): string {
  return `safety:${incident}/${basename(path).replace(/\.\w+$/, '')}`;
}

/** A slug that is safe as a file name stays; any other becomes a hash of the id. */
function fileNameOf({ id, slug }: Pick<Tenant, 'id' | 'slug'>): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(slug)) return slug;
  return `tenant-${createHash('sha256').update(`${id.type} ${id.text}`).digest('hex').slice(0, 16)}`;
}

/** Hashes the copy and describes it beside itself, so that it can be used like any backup. */
export async function describeSafetyCopy(
  path: string,
  plan: Plan,
  { tenant, ground }: Pick<Change, 'tenant' | 'ground'>,
  context: ActionContext,
): Promise<string> {
  const { incident, clock, config } = context;
  const { sha256, bytes } = await sha256Of(path);
  const { id, slug, name, tier, status } = tenant;
  const rows = Object.fromEntries(Object.entries(plan.live.tables).map(([table, one]) => [table, one.rows]));
  const digests = Object.fromEntries(
    Object.entries(plan.live.tables).map(([table, one]) => [table, one.digest]),
  );
  await writeManifest(path, {
    version: 1,
    kind: 'safety',
    tool: `tenant-dr ${version}`,
    takenAt: clock.now().toISOString(),
    source: { identity: ground.session.identity, environment: config.environment },
    compression: 'none',
    sha256,
    bytes,
    databaseBytes: bytes,
    schemaFingerprint: ground.schema.fingerprint,
    rows,
    digestAlgorithm: null,
    rules: null,
    tenantCount: 1,
    tenants: [{ id, slug, name, tier, status, rows, digest: plan.live.digest, digests }],
    verified: null,
  });
  incident.mirrorFile(path);
  return sha256;
}

/** Is a file still what the journal says was written? One that was lost or changed since would give a wrong answer. */
export async function isAsJournaled({ file, sha256 }: { file: string; sha256: string }): Promise<boolean> {
  const now = await sha256Of(file).catch(nothingIfMissing);
  return now?.sha256 === sha256;
}

export async function sha256Of(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return { sha256: hash.digest('hex'), bytes: (await stat(path)).size };
}
