import * as fc from 'fast-check';
import { test } from 'vitest';
import { encodeLong, encodeValues } from '../../src/databases/sqlite/encoding.ts';

const value = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\0', 'a\ufffdb', '𝄞'),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

test('rows too long for a text are encoded as others are', () => {
  fc.assert(
    fc.property(fc.array(value), fc.constantFrom('UTF-8', 'UTF-16le'), (row, encoding) => {
      const short = encodeValues(row, row.length, encoding);
      const long = encodeLong(row, encoding);
      return short === null ? long === null : (long?.equals(Buffer.from(short)) ?? false);
    }),
    { numRuns: 500 },
  );
});
