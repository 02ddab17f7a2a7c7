import type { StagedSource } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import type { Compression, Content } from './formats.ts';
import { dumpFormats, isDumpContent, wayToDatabase } from './formats.ts';
import type { OpenDeps, OpenedBackup } from './open.ts';
import { peek } from './peek.ts';
import { hashBackup, looksItself } from './reader-jobs.ts';
import type { Located } from './refs.ts';

/** Backups that are read where they lie: dumps, and live databases. */
type InPlace = Omit<OpenedBackup, 'seconds'>;

/**
 * A dump, known as one by its first bytes; null where a reader has to look. One takes longer to start than everything
 * else before the first row is read.
 */
export async function dumpHere(found: Located, deps: OpenDeps): Promise<InPlace | null> {
  if (!looksItself(deps.config)) return null;
  const { content, compression } = await peek(found.path);
  return content?.startsWith('dump-') ? openDump(found, { content, compression }, deps) : null;
}

/** A dump that is certainly one. */
export function openDump(
  found: Located,
  { content, compression }: { content: Content; compression: Compression },
  { signal }: OpenDeps,
): InPlace {
  const hash = async (): Promise<string> =>
    content === 'dump-directory' ? '' : hashBackup(found.path, { signal });
  return readInPlace(found, dumpSource(found, content, compression), hash);
}

/** A source that is not copied; `hash` gives its checksum. */
export function readInPlace(found: Located, source: StagedSource, hash: () => Promise<string>): InPlace {
  // Without a manifest nobody knows what it should be: then the file is hashed only for those who ask.
  let sha256 = found.manifest?.source ? hash() : undefined;
  const confirmed = (sha256 ?? Promise.resolve('')).then((known) =>
    known === '' ? undefined : matchesManifest(found, known),
  );
  confirmed.catch(() => undefined);
  return {
    ...found,
    source,
    sha256: () => {
      sha256 ??= hash();
      return sha256;
    },
    confirmed,
    integrityChecked: false,
    warm: false,
    close: async () => undefined,
  };
}

function dumpSource(found: Located, content: Content, compression: Compression): StagedSource {
  if (isDumpContent(content))
    return { form: 'dump', path: found.path, format: dumpFormats[content], compression, whole: found.whole };
  throw new TenantDrError(
    'backup-not-a-database',
    `${found.path} holds ${content === 'tar' ? 'an archive of files' : 'SQL text'}, not a database.`,
    { hint: wayToDatabase(content) },
  );
}

/** Throws backup-corrupt for a file that is not the one our manifest describes. */
export function matchesManifest(found: Located, sha256: string): void {
  // Somebody else's file may be replaced under its name: a manifest we made for the former one is merely stale.
  if (!found.manifest?.source || found.manifest.sha256 === sha256) return;
  throw new TenantDrError(
    'backup-corrupt',
    `${found.path} is not the file its manifest describes: the checksum differs.`,
    {
      hint: 'use another backup, or move the manifest away to read it as one of unknown origin',
      facts: { expected: found.manifest.sha256, found: sha256 },
    },
  );
}
