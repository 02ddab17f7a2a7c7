import { minutesBefore } from './time.ts';

const hour = 60;
const day = 24 * hour;

/**
 * When backups were taken in the two weeks before `now`, oldest first: daily, then every six hours, then every hour
 * for the last day (as "Backup Frequency" in the source document asks where an enterprise tenant exists; older ones
 * are thinned out). The newest is 40 minutes old.
 */
export function backupTimes(now: Date): Date[] {
  const newest = minutesBefore(now, 40);
  const ages: number[] = [];
  for (let age = 14 * day; age > 3 * day; age -= day) ages.push(age);
  for (let age = 3 * day; age > day; age -= 6 * hour) ages.push(age);
  for (let age = day; age >= 0; age -= hour) ages.push(age);
  return ages.map((age) => minutesBefore(newest, age));
}
