import { TenantDrError } from '../errors.ts';

const form = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?))?\s*(Z|UTC|[+-]\d\d:?\d\d)?$/i;

/**
 * A point in time an operator typed, such as `2026-11-23T06:00Z` or `2026-11-23 06:00+01:00`. Rejects a time
 * without a zone with time-without-zone: an hour off is another backup, so nothing is assumed.
 */
export function parseInstant(text: string): Date {
  const match = form.exec(text.trim());
  const [, day = '', time = '00:00', zone] = match ?? [];
  const local = new Date(`${day}T${time}`);
  if (!match || Number.isNaN(local.getTime())) {
    throw new TenantDrError('usage', `"${text}" is not a time.`, {
      hint: 'write it as 2026-11-23T06:00Z or 2026-11-23T06:00+01:00',
    });
  }
  if (!zone) {
    throw new TenantDrError('time-without-zone', `"${text}" does not say in which time zone.`, {
      hint: `write ${day}T${time}Z if it is UTC, or ${day}T${time}${offsetOf(local)} if it is this machine's time`,
      facts: { utc: `${day}T${time}Z`, local: `${day}T${time}${offsetOf(local)}` },
    });
  }
  const offset = /^(Z|UTC)$/i.test(zone) ? 'Z' : zone.replace(/^([+-]\d\d):?(\d\d)$/, '$1:$2');
  return new Date(`${day}T${time}${offset}`);
}

/** `+01:00`: how far the machine's clocks are ahead of UTC at that time. */
function offsetOf(local: Date): string {
  const minutes = -local.getTimezoneOffset();
  const two = (value: number) => String(Math.trunc(Math.abs(value))).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}
