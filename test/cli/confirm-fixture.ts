/** Asks for a confirmation the way a command does and says how it ended. Run in a terminal by confirm.test.ts. */
import { askPhrase } from '../../src/cli/confirm.ts';
import { TenantDrError } from '../../src/errors.ts';

try {
  await askPhrase(
    { phrase: 'northwind', stakes: 'northwind in shop.db (production) loses 41 rows' },
    { input: process.stdin, output: process.stderr, signal: new AbortController().signal },
  );
  console.log('RESULT confirmed');
} catch (error) {
  if (!(error instanceof TenantDrError)) throw error;
  console.log(`RESULT ${error.code}`);
}
process.stdin.pause();
