import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../built.ts';
import { runLine } from '../resident/resident.ts';
import type { World } from '../worlds/world.ts';

const checker = fileURLToPath(new URL('../check/check.py', import.meta.url));

export interface Ended {
  exit: number | null;
  /** The document on stdout. */
  document: Document;
  stderr: string;
}

/** What the tests read of the documents; keys are those of contract.md. */
export interface Document {
  ok: boolean;
  schema: string;
  incident: string;
  tables: { name: string; insert: number; update: number; delete: number }[];
  isolation: { otherRowsWritten: number; tablesGuarded: number; method: string };
  digest: { before: string; planned: string; after: string };
  safetyCopy: { path: string; rows: number; sha256: string };
  results: { tenant: { slug: string }; error?: { code: string } }[];
  error: {
    code: string;
    exit: number;
    message: string;
    hint?: string;
    changed: boolean;
    table?: string;
    key?: string;
  };
}

function wordsFor(world: World, words: string[]): string[] {
  return [...words, '--config', world.configPath, '--as', 'tester', '--json'];
}

/** Runs a command to its end. */
export async function tenantDr(world: World, ...words: string[]): Promise<Ended> {
  const { exit, stdout, stderr } = await runLine({
    args: wordsFor(world, words),
    env: { PATH: process.env.PATH, HOME: world.dir },
    cwd: world.dir,
  });
  if (stdout.trim() === '') throw new Error(`no document, exit ${exit}\n${stderr}`);
  return { exit, document: JSON.parse(stdout) as Document, stderr };
}

/** Starts a command that will be killed, or watched. */
export function startTenantDr(world: World, ...words: string[]): ChildProcess {
  return spawn(process.execPath, [main, ...wordsFor(world, words)], {
    env: { PATH: process.env.PATH, HOME: world.dir },
    cwd: world.dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

export function restore(world: World, ...more: string[]): Promise<Ended> {
  return tenantDr(world, ...restoring(world), ...more);
}

/** Starts a restore that will be killed, or watched. */
export function startRestore(world: World): ChildProcess {
  return startTenantDr(world, ...restoring(world));
}

function restoring({ victim, backupPath }: World): string[] {
  return ['restore', victim, '--from', backupPath, '--confirm', victim];
}

/** A consistent copy of the live database as it is now. */
export function snapshot(world: World, name = 'before.db'): string {
  const path = join(world.dir, name);
  rmSync(path, { force: true });
  execFileSync('sqlite3', [world.dbPath, `.backup '${path}'`]);
  return path;
}

/** What the independent checker found wrong; empty when all is well. */
export function problems(
  world: World,
  before: string,
  more: string[] = [],
  backup = world.backupPath,
): string[] {
  const words = ['--facts', world.factsPath, '--before', before, '--after', world.dbPath, '--backup', backup];
  const { status, stdout, stderr } = spawnSync(
    'python3',
    // -S: the packages of the Python at hand take as long to look through as the check does, which needs none.
    ['-S', checker, ...words, '--tenant', world.victim, ...more],
    {
      encoding: 'utf8',
    },
  );
  return status === 0 ? [] : `${stdout}${stderr}`.trim().split('\n');
}

export function unchanged(world: World, before: string): string[] {
  return problems(world, before, ['--unchanged']);
}

/** Bytes of the database and of its log. No SQLite connection may be open in this process. */
export function fileHashes(world: World): string[] {
  return ['', '-wal'].map((ending) => {
    const path = world.dbPath + ending;
    return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'missing';
  });
}

/** Another program that has the database open, and in WAL mode a commit in the log that is not in the main file. */
export async function openApplication(world: World): Promise<{ close: () => Promise<void> }> {
  const child = spawn('python3', ['-c', application, world.dbPath], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    close: async () => {
      child.stdin.end();
      await once(child, 'close');
    },
  };
}

const application = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("INSERT INTO schema_migrations VALUES (99, 'now')")
print("open", flush=True)
sys.stdin.read()
`;

const folders: string[] = [];

/** A folder for one world; removed by `cleanUp`. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tenant-dr-e2e-'));
  folders.push(path);
  return path;
}

export function cleanUp(): void {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
}
