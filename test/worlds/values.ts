import type { Value } from './world.ts';

/** Values that careless code changes on the way. */
export const nastyTexts: Value[] = [
  'it\'s "quoted" `text`',
  'line one\nline two\r\n\ttab',
  '',
  ' padded ',
  'émoji 😀👩‍👩‍👧‍👦 and \u202Eright to left\u202C',
  'nul\u0000inside',
  { text: Buffer.from([0x61, 0x00, 0x62, 0x00]) },
  { text: Buffer.from([0xff, 0xfe, 0x41, 0xc3]) },
  { text: Buffer.from([0xed, 0xa0, 0x80, 0x78]) },
  '\u001b[31mred\u001b[0m\u0007',
  "'; DROP TABLE tenants; --",
  '1',
  '1.0',
  'NULL',
];

export const nastyNumbers: Value[] = [
  9007199254740993n,
  -9223372036854775808n,
  9223372036854775807n,
  0,
  -0,
  1,
  1.5,
  0.1 + 0.2,
  5e-324,
  1.7976931348623157e308,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

export const nastyBlobs: Value[] = [
  Buffer.alloc(0),
  Buffer.from([0]),
  Buffer.from([0x27, 0x00, 0xff, 0x0a]),
  Buffer.from('text as blob'),
  Buffer.alloc(9000, 7),
];

export const nastyValues: Value[] = [...nastyTexts, ...nastyNumbers, ...nastyBlobs, null];
