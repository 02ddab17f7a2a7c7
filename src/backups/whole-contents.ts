import type { Config } from '../config/schema.ts';
import { databaseAt } from '../databases/open.ts';
import type { OnProgress } from '../engine/port.ts';
import { type Contents, contentsOf, digestAlgorithm } from './contents.ts';
import type { ManifestTenant } from './manifest.ts';
import { asManifest, readStagedSlices } from './staged-slices.ts';

/**
 * What a safety copy in a database file holds: every row in it is the tenant's, also one whose parent is gone. It is
 * staged beside itself for that. `tenants` are those of its manifest: a tenant that was deleted has no row in it.
 */
export async function wholeContents(
  path: string,
  tenants: ManifestTenant[],
  config: Config,
  onProgress?: OnProgress,
): Promise<Contents> {
  const counted = await contentsOf(path, config, 'rows');
  const database = await databaseAt(`sqlite:${path}`);
  const source = { form: 'database-file', path, whole: true } as const;
  const slices = await readStagedSlices(database, config, source, () => tenants, onProgress);
  return { ...counted, digestAlgorithm, tenants: slices.map(asManifest) };
}
