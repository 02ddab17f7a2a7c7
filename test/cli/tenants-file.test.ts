import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTenantsFile } from '../../src/cli/tenants-file.ts';
import { temporaryFolder } from './folder.ts';

async function namesIn(content: string | Buffer): Promise<string[]> {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'tenants.txt'), content);
  return (await readTenantsFile('tenants.txt', cwd)).map(({ name, line }) => `${line} ${name}`);
}

test('a name in a file of tenants is its whole line: what stands before a # may be another tenant', async () => {
  expect(await namesIn('# shops\nacme #2\n\n  c#  \nid:7')).toEqual(['2 acme #2', '4 c#', '5 id:7']);
});

test('a file of tenants may come from any system; what is no text is refused', async () => {
  expect(await namesIn('\ufeffnorth\r\nsüd\rwest')).toEqual(['1 north', '2 süd', '3 west']);
  expect(await namesIn(Buffer.from('\ufeffnorth\r\nsüd\r\n', 'utf16le'))).toEqual(['1 north', '2 süd']);
  await expect(namesIn(Buffer.from('süd', 'latin1'))).rejects.toMatchObject({ code: 'usage' });
});
