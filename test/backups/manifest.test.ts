import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type Manifest,
  manifestPath,
  readManifest,
  readManifestHead,
  writeManifest,
} from '../../src/backups/manifest.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { write } from './helpers.ts';

const folder = folderOfTheFile('backups');

const manifest: Manifest = {
  version: 1,
  kind: 'database',
  tool: 'tenant-dr 0.1.0',
  takenAt: '2026-11-23T05:00:00.000Z',
  source: {
    identity: { kind: 'sqlite', name: 'admin', location: '/data/admin.db', host: 'web1', systemId: null },
    environment: 'production',
  },
  compression: 'zstd',
  sha256: 'ab'.repeat(32),
  bytes: 10,
  databaseBytes: 20,
  schemaFingerprint: 'cd'.repeat(32),
  rows: { agents: 3, tenants: 1 },
  digestAlgorithm: 'tenant-dr/sha256-multiset/1',
  rules: null,
  tenants: [
    {
      id: { type: 'integer', text: '9007199254740993' },
      slug: 'north',
      name: 'North',
      tier: 'pro',
      status: 'active',
      rows: { agents: 3 },
      digest: 'ef',
      digests: { agents: '01' },
    },
  ],
  verified: null,
  tenantCount: 1,
};

test('a manifest reads back as it was written, private to its owner', async () => {
  const backup = join(folder, 'a.db.zst');
  const path = await writeManifest(backup, manifest);
  expect(path).toBe(manifestPath(backup));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await readManifest(backup)).toEqual(manifest);
  expect(await readManifestHead(backup)).toEqual({ ...manifest, tenants: null });
});

test('a backup without a manifest has none', async () => {
  expect(await readManifest(join(folder, 'nothing.db'))).toBeNull();
});

test('a manifest of a newer version is refused by its number', async () => {
  const backup = join(folder, 'newer.db');
  write(manifestPath(backup), JSON.stringify({ ...manifest, version: 3 }));
  await expect(readManifest(backup)).rejects.toMatchObject({
    code: 'backup-corrupt',
    message: expect.stringContaining('version 3'),
    hint: expect.stringContaining('newer'),
  });
});

test('a damaged manifest is an error that names the place', async () => {
  const backup = join(folder, 'damaged.db');
  write(manifestPath(backup), JSON.stringify({ ...manifest, tenants: [{ slug: 'x' }] }));
  await expect(readManifest(backup)).rejects.toMatchObject({
    code: 'backup-corrupt',
    message: expect.stringContaining('tenants.0.id'),
  });
  write(manifestPath(backup), JSON.stringify({ ...manifest, takenAt: '2026-91-01T00:00:00.000Z' }));
  await expect(readManifest(backup)).rejects.toMatchObject({
    code: 'backup-corrupt',
    message: expect.stringContaining('takenAt: expected a time'),
  });
  write(manifestPath(backup), '{"version": 1, "ki');
  await expect(readManifest(backup)).rejects.toMatchObject({ code: 'backup-corrupt' });
});

test('the manifest of the first version that was released still loads', async () => {
  const fixtures = join(import.meta.dirname, '../fixtures/manifests');
  const text = readFileSync(join(fixtures, 'v1.db.zst.manifest.json'), 'utf8');
  mkdirSync(join(folder, 'old'));
  write(join(folder, 'old/v1.db.zst.manifest.json'), text);
  const loaded = await readManifest(join(folder, 'old/v1.db.zst'));
  expect(loaded?.tenants?.[0]?.slug).toBe('north');
});
