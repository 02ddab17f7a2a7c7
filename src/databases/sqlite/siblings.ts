import { realpath, stat } from 'node:fs/promises';

/** Where SQLite keeps the log of a database: beside the file itself, whatever links lead to it. */
export async function logOf(path: string): Promise<string> {
  return `${await realpath(path)}-wal`;
}

/** Non-empty write-ahead log and rollback journal beside a database file: a bare copy is not whole without them. */
export async function siblingsOf(path: string): Promise<string[]> {
  // What is wrong with the file itself shows when that is read.
  const real = await realpath(path).catch(() => path);
  const found: string[] = [];
  for (const sibling of [`${real}-wal`, `${real}-journal`]) {
    const size = await stat(sibling).then(
      (file) => file.size,
      () => 0,
    );
    if (size > 0) found.push(sibling);
  }
  return found;
}

/** What follows the database's own name in that of a sibling. */
export function endingOf(sibling: string): string {
  return sibling.slice(sibling.lastIndexOf('-'));
}
