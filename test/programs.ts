import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { clientProgram } from '../src/databases/postgres/server-programs.ts';

/** Programs of others that look at our work: what they say does not depend on our own code. Debian's package of each. */
const judges = {
  python3: 'python3',
  sqlite3: 'sqlite3',
  gzip: 'gzip',
  zstd: 'zstd',
  psql: 'postgresql-client',
  pg_dump: 'postgresql-client',
  pg_restore: 'postgresql-client',
};

/**
 * Runs before all tests: a missing program is one clear line, not fifty failures and no skipped test. Makes a folder
 * for what test files make and share, and returns what removes it.
 */
export default function requirePrograms(): () => void {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const missing = Object.entries(judges).filter(
    ([program]) => !folders.some((folder) => existsSync(join(folder, program))),
  );
  if (missing.length > 0) throw new Error(complaint(missing));
  preferProgramsThemselves();
  const folder = folderInMemory() ?? newFolder(tmpdir());
  process.env.TENANT_DR_TEST_FOLDER = folder;
  process.env.TMPDIR = join(folder, 'tmp');
  mkdirSync(process.env.TMPDIR);
  chmodSync(process.env.TMPDIR, 0o711);
  return () => rmSync(folder, { recursive: true });
}

function newFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, 'tenant-dr-tests-'));
  // As root, servers run under an account of their own, which has to get there.
  chmodSync(folder, 0o711);
  return folder;
}

/**
 * Every database made for a test is hundreds of files that are thrown away at once: a disk makes and removes them for
 * an eighth of all computing. Nothing here has to outlast a power cut. Null where there is no memory for it, or where
 * no program could be started from there, as tests do.
 */
function folderInMemory(): string | null {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return null;
  const { bavail, bsize } = statfsSync(memory);
  if (bavail * bsize < 3 * 2 ** 30) return null;
  const folder = newFolder(memory);
  try {
    const program = join(folder, 'program');
    writeFileSync(program, '', { mode: 0o700 });
    accessSync(program, constants.X_OK);
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return null;
  }
}

function complaint(missing: [string, string][]): string {
  const programs = missing.map(([program]) => program).join(', ');
  const packages = [...new Set(missing.map(([, name]) => name))].join(' ');
  return (
    `The tests check tenant-dr with programs that are not here: ${programs}.\n` +
    `Install them first, on Debian: apt-get install ${packages}`
  );
}

/**
 * A version manager's `python3` and Debian's `psql` are scripts that look for the program each time, for longer than
 * most of what it is asked takes.
 */
function preferProgramsThemselves(): void {
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  }).trim();
  const folders = [python, clientProgram('pg_dump')].filter(isAbsolute).map((program) => dirname(program));
  process.env.PATH = [...folders, process.env.PATH].join(delimiter);
}
