/** Numbers and times as the screens show them. Times are local with their zone; files keep UTC (design 5). */

/** Seconds as 8:41, 1:02:07; negative ones with a minus. */
export function clock(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds));
  const sign = seconds <= -1 ? '-' : '';
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0
    ? `${sign}${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${sign}${minutes}:${two(whole % 60)}`;
}

/** Seconds in words: 45 s, 52 min, 3 h 10 min, 2 d 4 h. */
export function inWords(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** A policy figure: 30m, 1h, 6h, 7d. */
export function limit(seconds: number): string {
  if (seconds % 86400 === 0 && seconds >= 2 * 86400) return `${seconds / 86400}d`;
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  if (seconds % 60 === 0) return `${seconds / 60}m`;
  return `${seconds}s`;
}

export function count(value: number): string {
  return value < 10_000 ? String(value) : value.toLocaleString('en-US');
}

/** 1 row, 2 rows. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let size = value;
  let unit = -1;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

const parts = (at: Date, options: Intl.DateTimeFormatOptions): Record<string, string> =>
  Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', { hourCycle: 'h23', ...options })
      .formatToParts(at)
      .map((part) => [part.type, part.value]),
  );

/** Local hour and minute: 06:18. */
export function hourMinute(iso: string): string {
  const part = parts(new Date(iso), { hour: '2-digit', minute: '2-digit' });
  return `${part.hour}:${part.minute}`;
}

/** Local time of day: 06:12:39. */
export function timeOfDay(iso: string): string {
  const part = parts(new Date(iso), { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  return `${part.hour}:${part.minute}:${part.second}`;
}

/** Local date and time, for lists: 23 Nov 06:18. */
export function dateTime(iso: string): string {
  const part = parts(new Date(iso), { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit' });
  return `${part.day} ${part.month} ${part.hour}:${part.minute}`;
}

/** The zone the screens show times in: UTC, GMT-3. */
export function zone(iso: string): string {
  return parts(new Date(iso), { timeZoneName: 'short' }).timeZoneName ?? 'UTC';
}

/** For texts that are read elsewhere: 06:18 CET. */
export function hourMinuteZone(iso: string): string {
  return `${hourMinute(iso)} ${zone(iso)}`;
}
