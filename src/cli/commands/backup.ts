import type { TakenBackup } from '../../backups/take.ts';
import type { Verification } from '../../backups/verify.ts';
import { printable } from '../../engine/printable.ts';
import { backupForJson } from '../backup-list.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { bytesText, durationText } from '../format.ts';
import { flag } from '../parameters.ts';
import { checkLines, verificationFailure } from '../verification.ts';

export default command({
  effect: 'write',
  options: {
    gzip: flag('compress with gzip instead of zstd: larger and slower, but gunzip reads it'),
    plain: flag('PostgreSQL: plain SQL (.sql.zst, with --gzip .sql.gz) instead of the custom format'),
    noDigests: flag('count the rows of every tenant, but leave out their digests: faster'),
    verify: flag('read it from end to end afterwards, as `backup verify` does'),
  },
  examples: ['tenant-dr backup', 'tenant-dr backup --gzip --verify'],
  async run(context, { gzip, plain, noDigests, verify }) {
    const { takeBackup } = await import('../../backups/take.ts');
    const config = await context.config();
    const { output, signal } = context;
    const taken = await takeBackup({
      config,
      compression: gzip ? 'gzip' : 'zstd',
      plain,
      digests: !noDigests,
      now: context.clock(),
      signal,
      onProgress: (progress) => output.progress(progress),
      onWarning: (message) => output.warn(printable(message)),
    });
    const checked = verify ? await verified(taken.path, context) : null;
    const failure = checked && verificationFailure(checked);
    return {
      document: {
        ...describe(taken, checked),
        sha256: taken.manifest.sha256,
        manifest: taken.manifestPath,
        databaseBytes: taken.manifest.databaseBytes,
        blockedSeconds: taken.blockedSeconds,
        seconds: taken.seconds,
        ...(checked ? { checks: checked.checks } : {}),
      },
      text: [textOf(taken), ...(checked ? ['', ...checkLines(checked, output)] : [])].join('\n'),
      ...(failure ? { failure } : {}),
    };
  },
});

async function verified(path: string, context: Context): Promise<Verification> {
  const { verifyBackup } = await import('../../backups/verify.ts');
  return verifyBackup(path, {
    config: await context.config(),
    signal: context.signal,
    onProgress: (progress) => context.output.progress(progress),
  });
}

function describe(taken: TakenBackup, checked: Verification | null): Record<string, unknown> {
  const { manifest, id, path, content } = taken;
  return backupForJson({
    id,
    path,
    kind: manifest.kind,
    content,
    compression: manifest.compression,
    takenAt: new Date(manifest.takenAt),
    takenAtSource: 'manifest',
    bytes: manifest.bytes,
    verified: checked ? checked.ok : null,
    tenants: manifest.tenants?.length ?? null,
    problem: null,
  });
}

function textOf({ path, manifest, seconds, blockedSeconds }: TakenBackup): string {
  const { bytes, databaseBytes, tenants, digestAlgorithm } = manifest;
  const counted = `${tenants?.length ?? 'unknown'} tenants ${digestAlgorithm ? 'with' : 'without'} digests`;
  const waited = blockedSeconds >= 0.1 ? `; writers may have waited ${blockedSeconds.toFixed(1)} s` : '';
  return [
    printable(path),
    `${bytesText(bytes)} for a database of ${bytesText(databaseBytes)}, ${counted}, in ${durationText(seconds.take + seconds.digest)}${waited}`,
  ].join('\n');
}
