/** The demo's database keeps times as ISO 8601 text, UTC, whole seconds. */
export function isoTime(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

export function minutesBefore(at: Date, minutes: number): Date {
  return new Date(at.getTime() - minutes * 60_000);
}
