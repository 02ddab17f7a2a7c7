import { createServer } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { childEnvironment, connect, readTarget } from '../../src/databases/postgres/connect.ts';
import { postgresDatabase } from '../../src/databases/postgres/database.ts';
import { roomFinding } from '../../src/databases/postgres/lock-room.ts';
import { tablesAtOnce } from '../../src/databases/postgres/portions.ts';
import { Loader } from '../../src/databases/postgres/stage.ts';
import { buildShape } from '../../src/engine/shape.ts';
import type { TestDatabase } from './cluster.ts';
import { ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import { openGround } from './engine.ts';
import { startPooler } from './pooler.ts';
import { shop } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  world = await testDatabase(server, shop);
  await ordinaryRole(server, 'reader');
});

function open(url: string) {
  return postgresDatabase(url).open({ mode: 'read' });
}

describe('where a database is', () => {
  test('comes from the URL, and from PG names for what it leaves open', () => {
    const env = {
      PGHOST: 'db.example',
      PGPORT: '6000',
      PGUSER: 'alice',
      PGPASSWORD: 'secret',
      PGSCHEMA: 'tenant_data',
    };
    expect(readTarget('postgres:///chat', env)).toMatchObject({
      host: 'db.example',
      port: 6000,
      user: 'alice',
      database: 'chat',
      schema: 'tenant_data',
      location: 'db.example:6000/chat',
    });
    expect(readTarget('postgres://bob@h:1/d?schema=app&sslmode=require', env)).toMatchObject({
      user: 'bob',
      host: 'h',
      schema: 'app',
      tls: { sslmode: 'require' },
    });
    expect(readTarget('postgres://bob@/d?host=/var/run/postgresql', {})).toMatchObject({
      host: '/var/run/postgresql',
      port: 5432,
    });
  });

  test('a password reaches child programs by their environment only, and never a location', () => {
    const target = readTarget('postgres://bob:s3cret@h/d?sslmode=require', {});
    expect(target.location).not.toContain('s3cret');
    expect(childEnvironment(target, {})).toMatchObject({
      PGPASSWORD: 's3cret',
      PGUSER: 'bob',
      PGSSLMODE: 'require',
    });
  });

  test('an address that cannot be read is refused', () => {
    expect(() => readTarget('postgres://bad host:x/')).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    );
    expect(() => readTarget('postgres:///?service=app', {})).toThrow(/service= .* is not read/);
  });
});

describe('what stands in the way of a connection has its own error', () => {
  test('no server there', () =>
    expect(open('postgres://u:s3cret@127.0.0.1:1/db')).rejects.toMatchObject({
      code: 'database-unreachable',
      message: expect.not.stringContaining('s3cret'),
    }));

  test('no such host', () =>
    expect(open('postgres://u@no-such-host.invalid/db')).rejects.toMatchObject({
      code: 'database-unreachable',
    }));

  test('no such database', () =>
    expect(open(server.url('nothing_here'))).rejects.toMatchObject({ code: 'database-missing' }));

  test('no such user', () =>
    expect(open(world.url.replace('postgres@', 'nobody_here@'))).rejects.toMatchObject({
      code: 'database-denied',
    }));

  test('a wrong password', async () => {
    // A server that asks for a password in clear and refuses it, whatever it is.
    const picky = createServer((socket) => {
      socket.on('error', () => undefined);
      let asked = false;
      socket.on('data', () => {
        if (!asked) socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
        else {
          const fields = Buffer.from(
            'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "u"\0\0',
            'latin1',
          );
          const head = Buffer.alloc(5);
          head[0] = 0x45;
          head.writeUInt32BE(fields.length + 4, 1);
          socket.end(Buffer.concat([head, fields]));
        }
        asked = true;
      });
    });
    await new Promise<void>((resolve) => picky.listen(0, '127.0.0.1', resolve));
    const address = picky.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(open(`postgres://u:wrong-s3cret@127.0.0.1:${port}/db`)).rejects.toMatchObject({
      code: 'database-denied',
      message: expect.not.stringContaining('wrong-s3cret'),
    });
    await expect(open(`postgres://u@127.0.0.1:${port}/db`)).rejects.toMatchObject({
      code: 'database-denied',
    });
    picky.close();
  });

  test('no such schema', () =>
    expect(open(`${world.url}?schema=elsewhere`)).rejects.toMatchObject({
      code: 'database-missing',
      message: expect.stringContaining('elsewhere'),
    }));

  test('a server without TLS where TLS is demanded', () =>
    expect(open(`${world.url}?sslmode=require`)).rejects.toMatchObject({
      code: 'database-unreachable',
      hint: expect.stringContaining('sslmode'),
    }));

  test('a server without TLS where TLS is preferred is reached all the same', async () => {
    const session = await open(`${world.url}?sslmode=prefer`);
    expect((await session.schema()).tables.length).toBe(5);
    await session.close();
  });

  test('a pooler that spreads transactions over server processes', async () => {
    const pooler = await startPooler(server.port);
    try {
      await expect(open(world.url.replace(`:${server.port}/`, `:${pooler.port}/`))).rejects.toMatchObject({
        code: 'database-denied',
        message: expect.stringContaining('pooler'),
      });
      // A setting would stay on a connection that the application gets next.
      expect(pooler.said()).not.toMatch(/SET /);
    } finally {
      pooler.close();
    }
  });

  test('rights that are missing, by table', async () => {
    const findings = await postgresDatabase(world.url.replace('postgres@', 'reader@')).examine();
    const rights = findings.find((finding) => finding.name === 'rights');
    expect(rights).toMatchObject({
      level: 'error',
      detail: expect.stringContaining('items: no SELECT, INSERT, UPDATE, DELETE'),
    });
    expect(findings.find((finding) => finding.name === 'server version')).toMatchObject({ ok: true });
    expect(findings.find((finding) => finding.name === 'locks')).toMatchObject({ ok: true });
    // GitLab's schema on a server as it is installed.
    const many = { tables: 969, relations: 7700, each: 64, transactions: 100 };
    expect(roomFinding(many)).toMatchObject({ ok: false, hint: expect.stringContaining('= 194 and') });
    expect(roomFinding({ ...many, each: 194 })).toMatchObject({ ok: true });
    const session = await open(world.url.replace('postgres@', 'reader@'));
    await session.schema();
    await expect(
      session.tenants({ table: 'tenants', id: 'id', search: [], settle: 0 }),
    ).rejects.toMatchObject({ code: 'database-denied', hint: expect.stringContaining('doctor') });
    await session.close();
  });

  test('a server that is down, as doctor sees it', async () => {
    expect(await postgresDatabase('postgres://u@127.0.0.1:1/db').examine()).toMatchObject([
      { name: 'connection', level: 'error' },
    ]);
  });
});

test('rows that are read in one piece fail in words, as any statement does', async () => {
  const sql = await connect(readTarget(world.url));
  await expect(sql.copyOut('COPY (SELECT 1 / 0) TO STDOUT').next()).rejects.toMatchObject({
    code: 'database-error',
    message: expect.stringContaining('division by zero'),
  });
  await sql.end();
});

test('tables of hundreds do not take the room for locks away from the application', async () => {
  const sql = await connect(readTarget(world.url));
  const loader = new Loader(sql, 'raw');
  await sql.run('BEGIN');
  for (let i = 0; i < 2 * tablesAtOnce + 1; i++) await loader.copy(`t${i}`, ['a'], [Buffer.from('a\n')]);
  const held = `SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'`;
  expect(Number(await sql.value(held))).toBeLessThan(tablesAtOnce);
  await sql.end();
});

test('nor does a reading of them, and only those that hold rows of the tenant get a temporary table', async () => {
  const names = Array.from({ length: tablesAtOnce + 1 }, (_, i) => `t${i}`);
  const made = names.map((name) => `CREATE TABLE ${name} (tenant_id text);`).join(' ');
  const rows = `INSERT INTO t1 VALUES ('a'); INSERT INTO t2 VALUES ('b');`;
  const live = await testDatabase(
    server,
    `CREATE TABLE tenants (id text PRIMARY KEY, slug text); ${made} ${rows}`,
  );
  const ground = await openGround(live.url);
  const shape = buildShape(ground.schema, ground.ownership, ground.config, { mode: 'exact' });
  const asked = { shape, tenant: { type: 'text', text: 'a' }, staged: 'none', status: null } as const;
  const { tables } = await ground.session.collect(asked);
  expect([tables.t1, tables.t2]).toEqual([
    { live: 1, staged: 0 },
    { live: 0, staged: 0 },
  ]);
  const temporary = `SELECT count(*) FROM pg_class WHERE relname ~ '^tdr_' AND relkind = 'r'`;
  expect(await live.rows(temporary)).toEqual([['1']]);
  await ground.session.beginRead(shape);
  await ground.session.collect(asked);
  const held = await live.rows(
    `SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND mode LIKE 'Access%'`,
  );
  expect(Number(held[0]?.[0])).toBeLessThan(4 * tablesAtOnce);
  await ground.session.endRead();
  await ground.session.close();
});

describe('reading the structure', () => {
  test('reserved and mixed-case names, schemas other than public, and tables of other schemas that refer to ours', async () => {
    const live = await testDatabase(
      server,
      `CREATE SCHEMA "My App"; CREATE TABLE "My App"."select" ("Order" int PRIMARY KEY, "from" text); CREATE TABLE public.outside (id int REFERENCES "My App"."select")`,
    );
    const session = await open(`${live.url}?schema=My%20App`);
    const { tables } = await session.schema();
    expect(tables.map((table) => [table.name, table.kind, table.primaryKey])).toEqual([
      ['select', 'table', ['Order']],
      ['public.outside', 'elsewhere', []],
    ]);
    await session.close();
  });
});
