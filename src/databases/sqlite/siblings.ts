import { stat } from 'node:fs/promises';

/** Non-empty write-ahead log and rollback journal beside a database file: a bare copy is not whole without them. */
export async function siblingsOf(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const sibling of [`${path}-wal`, `${path}-journal`]) {
    const size = await stat(sibling).then(
      (file) => file.size,
      () => 0,
    );
    if (size > 0) found.push(sibling);
  }
  return found;
}
