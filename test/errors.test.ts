import { expect, test } from 'vitest';
import { exitOf } from '../src/cli/exits.ts';
import { errorCodes } from '../src/errors.ts';

test('every error code has an exit, and no exit is for a code that is not there', () => {
  expect(Object.keys(exitOf).sort()).toEqual([...errorCodes].sort());
});

test('exits are those of the contract', () => {
  expect(new Set(Object.values(exitOf))).toEqual(new Set([2, 3, 4, 5, 6, 7, 130]));
});

test.each([
  ['tenant-unknown', 2],
  ['database-missing', 2],
  ['file-missing', 2],
  ['confirmation-refused', 3],
  ['plan-stale', 3],
  ['table-unclassified', 3],
  ['backup-without-tenant', 3],
  ['backup-other-environment', 3],
  ['backup-truncated', 4],
  ['database-not-a-database', 4],
  ['isolation-failed', 5],
  ['some-failed', 6],
  ['outcome-unknown', 7],
  ['interrupted', 130],
] as const)('%s exits with %i', (code, exit) => {
  expect(exitOf[code]).toBe(exit);
});
