import { expect, test } from 'vitest';
import { backupName, idOf, instantOf, timeInName } from '../../src/backups/names.ts';
import { parseInstant } from '../../src/backups/times.ts';

test('an id is the file name without its endings', () => {
  expect(idOf('/b/admin_sqlite_20251107_020000.db.gz')).toBe('admin_sqlite_20251107_020000');
  expect(idOf('/b/chatbot.dump')).toBe('chatbot');
  expect(idOf('/b/nightly')).toBe('nightly');
  expect(idOf('/b/.db.gz')).toBe('.db.gz');
});

test('times are found in the names people give', () => {
  const at = { year: 2025, month: 11, day: 7, hour: 2, minute: 0, second: 0 };
  expect(timeInName('admin_sqlite_20251107_020000.db.gz')).toEqual(at);
  expect(timeInName('admin-2025-11-07T02-00-00.db')).toEqual(at);
  expect(timeInName('admin_20251107_0200.sql')).toEqual(at);
  expect(timeInName('admin_20251399_250000.db')).toBeNull();
  expect(timeInName('admin_123456789012345678.db')).toBeNull();
  expect(timeInName('admin.db')).toBeNull();
});

test('a wall-clock time becomes an instant in its zone, summer and winter', () => {
  const at = (month: number, hour: number) => ({ year: 2026, month, day: 15, hour, minute: 30, second: 0 });
  expect(instantOf(at(1, 2), 'UTC').toISOString()).toBe('2026-01-15T02:30:00.000Z');
  expect(instantOf(at(1, 2), 'Europe/Berlin').toISOString()).toBe('2026-01-15T01:30:00.000Z');
  expect(instantOf(at(7, 2), 'Europe/Berlin').toISOString()).toBe('2026-07-15T00:30:00.000Z');
  expect(instantOf(at(7, 22), 'America/Sao_Paulo').toISOString()).toBe('2026-07-16T01:30:00.000Z');
});

test('a time the clocks show twice is the earlier one, a time they skip is still an instant', () => {
  const october = { year: 2026, month: 10, day: 25, hour: 2, minute: 30, second: 0 };
  expect(instantOf(october, 'Europe/Berlin').toISOString()).toBe('2026-10-25T00:30:00.000Z');
  const march = { year: 2026, month: 3, day: 29, hour: 2, minute: 30, second: 0 };
  expect(Number.isNaN(instantOf(march, 'Europe/Berlin').getTime())).toBe(false);
});

test("without a zone the machine's own clocks count, also where they show a time twice", () => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const month of [3, 10])
    for (let day = 1; day <= 31; day++)
      for (let hour = 0; hour < 24; hour++) {
        const time = { year: 2026, month, day, hour, minute: 30, second: 0 };
        expect(instantOf(time, undefined)).toEqual(instantOf(time, zone));
      }
});

test('our own names are in UTC and hold nothing a shell minds', () => {
  const name = backupName("ad min'; rm", 'sqlite', 'db.zst', new Date('2026-11-23T06:05:09.5Z'));
  expect(name).toBe('ad-min---rm_sqlite_20261123_060509.db.zst');
});

test('a typed time needs its zone, and the error offers both readings', () => {
  expect(parseInstant('2026-11-23T06:00Z').toISOString()).toBe('2026-11-23T06:00:00.000Z');
  expect(parseInstant('2026-11-23 06:00 UTC').toISOString()).toBe('2026-11-23T06:00:00.000Z');
  expect(parseInstant('2026-11-23T06:00:30+0530').toISOString()).toBe('2026-11-23T00:30:30.000Z');
  expect(parseInstant('2026-11-23 06:00-03:00').toISOString()).toBe('2026-11-23T09:00:00.000Z');
  expect(() => parseInstant('2026-11-23T06:00')).toThrow(
    expect.objectContaining({
      code: 'time-without-zone',
      hint: expect.stringMatching(/2026-11-23T06:00Z .* 2026-11-23T06:00[+-]\d\d:\d\d/),
    }),
  );
  for (const wrong of ['yesterday', '2026-13-01T00:00Z', '06:00Z', '']) {
    expect(() => parseInstant(wrong)).toThrow(expect.objectContaining({ code: 'usage' }));
  }
});
