import { execa } from 'execa';
import type { Finding } from './finding.ts';
import { fine, warning } from './finding.ts';

/** No release of tenant-dr is older than this: an earlier clock is wrong. */
const earliest = Date.parse('2026-01-01T00:00:00Z');

/** RTO and RPO are differences of times: the clock must be about right, and kept so. */
export async function examineClock(now: Date): Promise<Finding[]> {
  if (now.getTime() < earliest) {
    return [
      warning(
        'clock',
        `it says ${now.toISOString()}, which cannot be`,
        'set the clock: RTO and RPO are counted by it',
      ),
    ];
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const synchronized = await ntpState();
  if (synchronized === 'no') {
    return [
      warning(
        'clock',
        'it is not synchronized with a time server',
        'start NTP: RTO and RPO are counted by it',
      ),
    ];
  }
  return [
    fine('clock', `${now.toISOString()}, zone ${zone}${synchronized === 'yes' ? ', synchronized' : ''}`),
  ];
}

/** What systemd knows; null where there is no systemd to ask. */
async function ntpState(): Promise<string | null> {
  const result = await execa('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
    reject: false,
    timeout: 2000,
    stdin: 'ignore',
  });
  return result.failed ? null : result.stdout.trim();
}
