import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A folder that is made once by all test files together, to be copied from. Two that come first together make two,
 * and one of them is used.
 */
export async function madeOnce(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const shared = process.env.TENANT_DR_TEST_FOLDER as string;
  const made = join(shared, name);
  if (existsSync(made)) return made;
  const mine = await mkdtemp(join(shared, 'making-'));
  await make(mine);
  await rename(mine, made).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(mine, { recursive: true });
  });
  return made;
}
