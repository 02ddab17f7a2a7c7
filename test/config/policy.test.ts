import { expect, test } from 'vitest';
import { effectivePolicy } from '../../src/policy/policy.ts';
import { rpoAge } from '../../src/policy/rpo.ts';
import { defaultPolicy } from '../../src/policy/tiers.ts';

test('without overrides the policy is that of the source document', () => {
  expect(effectivePolicy({})).toEqual(defaultPolicy);
});

test('a config overrides single figures of single tiers', () => {
  const policy = effectivePolicy({ pro: { rpo: 7200, keepBackups: 10 * 86_400 }, enterprise: { rto: null } });
  expect(policy.pro).toEqual({ ...defaultPolicy.pro, rpoSeconds: 7200, keepBackupsDays: 10 });
  expect(policy.enterprise.rtoSeconds).toBeNull();
  expect(policy.free).toEqual(defaultPolicy.free);
});

test('a backup as old as the limit meets the RPO, one second older does not', () => {
  const damaged = new Date('2026-11-23T06:00:00Z');
  const limit = defaultPolicy.enterprise;
  expect(rpoAge(limit, new Date('2026-11-23T05:00:00Z'), damaged)).toEqual({
    limitSeconds: 3600,
    ageSeconds: 3600,
    met: true,
  });
  expect(rpoAge(limit, new Date('2026-11-23T04:59:59Z'), damaged).met).toBe(false);
});

test('no backup, or one taken after the damage, does not meet the RPO', () => {
  const damaged = new Date('2026-11-23T06:00:00Z');
  expect(rpoAge(defaultPolicy.free, null, damaged)).toMatchObject({ ageSeconds: null, met: false });
  expect(rpoAge(defaultPolicy.free, new Date('2026-11-23T06:00:01Z'), damaged)).toMatchObject({
    ageSeconds: -1,
    met: false,
  });
});
