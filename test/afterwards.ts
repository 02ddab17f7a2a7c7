import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What ends with the test file that began it. Test files share a process and its modules, so an `afterAll` in a
 * module they import would be that of the first file alone.
 */
const endings: (() => void | Promise<void>)[] = [];

export function afterTheFile(end: () => void | Promise<void>): void {
  endings.push(end);
}

export async function endTheFile(): Promise<void> {
  for (const end of endings.splice(0).reverse()) await end();
}

/** A new folder, removed when the test file is over. */
export function folderOfTheFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `tenant-dr-${name}-`));
  afterTheFile(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
