import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTarget } from '../../src/databases/postgres/connect.ts';
import { postgresDatabase } from '../../src/databases/postgres/database.ts';
import { tenantDr } from '../cli/run.ts';
import { type TestDatabase, testCluster, testDatabase } from './cluster.ts';
import { placeOn } from './place.ts';
import { shop } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

const folder = mkdtempSync(join(tmpdir(), 'tenant-dr-tls-'));
const file = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const openssl = (...words: string[]): unknown => execFileSync('openssl', words, { stdio: 'pipe' });

/** An authority of our own, and another one nobody asked for. */
function authority(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  openssl('req', '-x509', ...subject, '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`));
}

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  authority('ours');
  authority('theirs');
  openssl(
    'req',
    '-subj',
    '/CN=db',
    '-nodes',
    '-newkey',
    'rsa:2048',
    '-keyout',
    file('db.key'),
    '-out',
    file('db.csr'),
  );
  writeFileSync(file('names'), 'subjectAltName=DNS:localhost');
  const by = [
    '-CA',
    file('ours.crt'),
    '-CAkey',
    file('ours.key'),
    '-CAcreateserial',
    '-extfile',
    file('names'),
  ];
  openssl('x509', '-req', '-in', file('db.csr'), ...by, '-days', '2', '-out', file('db.crt'));
  server = await testCluster();
  world = await testDatabase(server, shop);
  const data = join(server.folder, 'data');
  const { uid, gid } = statSync(join(data, 'PG_VERSION'));
  for (const name of ['db.key', 'db.crt']) {
    writeFileSync(join(data, name), readFileSync(file(name)), { mode: 0o600 });
    chownSync(join(data, name), uid, gid);
  }
  for (const [name, value] of [
    ['ssl_cert_file', 'db.crt'],
    ['ssl_key_file', 'db.key'],
    ['ssl', 'on'],
  ])
    await world.asSuperuser(`ALTER SYSTEM SET ${name} = '${value}'`);
  await world.asSuperuser('SELECT pg_reload_conf()');
}, 60_000);

test('connections are encrypted and the server is known, by us and by the programs we start', async () => {
  const there = await placeOn(server, world, `postgres@localhost:${server.port}`);
  const address = (host: string, words: string): string =>
    `postgres://postgres@${host}:${server.port}/${there.live.name}?${words}`;
  const open = async (host: string, words: string): Promise<void> => {
    const session = await postgresDatabase(address(host, words)).open({ mode: 'read' });
    await session.close();
  };
  const unreachable = (hint: string) => ({
    code: 'database-unreachable',
    hint: expect.stringContaining(hint),
  });
  // From here on nobody gets in without encryption.
  const rules = join(server.folder, 'data', 'pg_hba.conf');
  writeFileSync(rules, readFileSync(rules, 'utf8').replaceAll(/^host /gm, 'hostssl '));
  await world.asSuperuser('SELECT pg_reload_conf()');
  await expect.poll(() => world.asSuperuser('SELECT 1').then(String, String)).toContain('no encryption');

  const [ours, theirs] = [`sslrootcert=${file('ours.crt')}`, `sslrootcert=${file('theirs.crt')}`];
  await open('127.0.0.1', 'sslmode=require');
  await open('127.0.0.1', `sslmode=verify-ca&${ours}`);
  await expect(open('localhost', 'sslmode=disable')).rejects.toMatchObject({ code: 'database-denied' });
  await expect(open('localhost', `sslmode=verify-full&${theirs}`)).rejects.toMatchObject(
    unreachable('name the right file with sslrootcert'),
  );
  await expect(open('localhost', `sslmode=require&${theirs}`)).rejects.toMatchObject(
    unreachable('sslrootcert'),
  );
  await expect(open('127.0.0.1', `sslmode=verify-full&${ours}`)).rejects.toMatchObject(
    unreachable('a name the certificate holds'),
  );
  const nobody = { HOME: folder };
  expect(() => readTarget(address('localhost', 'sslmode=verify-ca'), nobody)).toThrow(
    'which authority to trust',
  );
  expect(() => readTarget(address('localhost', 'sslmode=verify-full&sslrootcert=/nowhere'), {})).toThrow(
    '/nowhere',
  );

  // pg_dump connects for itself, by what the address says as by what the environment says.
  const config = join(there.cwd, 'tenant-dr.config.yaml');
  const text = readFileSync(config, 'utf8');
  writeFileSync(config, text.replace(/^(database: .*)$/m, `$1?sslmode=verify-full&${ours}`));
  expect(await there.run('backup')).toMatchObject({ exit: 0 });
  writeFileSync(config, text);
  const env = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: file('ours.crt') };
  const backupTo = (folder: string) => ['backup', '--backups', folder, '--as', 'tester', '--json'];
  expect(await tenantDr(backupTo('second'), { cwd: there.cwd, env })).toMatchObject({ exit: 0 });
  const wrong = { ...env, PGSSLROOTCERT: file('theirs.crt') };
  const refused = await tenantDr(backupTo('third'), { cwd: there.cwd, env: wrong });
  expect(refused).toMatchObject({ exit: 4, document: { error: unreachable('sslrootcert') } });
}, 60_000);
