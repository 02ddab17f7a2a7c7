import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

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

/** Runs before all tests: a missing program is one clear line, not fifty failures and no skipped test. */
export default function requirePrograms(): void {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const missing = Object.entries(judges).filter(
    ([program]) => !folders.some((folder) => existsSync(join(folder, program))),
  );
  if (missing.length === 0) return;
  const packages = new Set(missing.map(([, name]) => name));
  throw new Error(
    `The tests check tenant-dr with programs that are not here: ${missing.map(([program]) => program).join(', ')}.\n` +
      `Install them first, on Debian: apt-get install ${[...packages].join(' ')}`,
  );
}
