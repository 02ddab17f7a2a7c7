import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/file.ts';
import { TenantDrError } from '../../src/errors.ts';

/** Whatever a file holds, it is a config or a config-invalid error that names the file; never another failure. */
function readable(text: string): void {
  try {
    parseConfig(text, 'c.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(TenantDrError);
    expect((error as TenantDrError).code).toBe('config-invalid');
    for (const line of (error as TenantDrError).message.split('\n')) expect(line).toContain('c.yaml');
  }
}

const known = [
  'database',
  'tenants',
  'ownership',
  'tables',
  'columns',
  'hooks',
  'suspend',
  'checks',
  'policy',
  'restore',
];

const value = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('shared', 'missing', '10s', '', '~', 'x'),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.string(),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...known), fc.string()), tie('tree'), { maxKeys: 4 }),
  ),
})).tree;

test('any YAML is a config or a readable error', () => {
  fc.assert(
    fc.property(value, (tree) => readable(stringify(tree))),
    { numRuns: 500 },
  );
});

test('any text is a config or a readable error', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), readable), { numRuns: 500 });
});
