import type { IncidentEvent } from '../../src/incident/events.ts';
import type { StepSpec, TenantRef } from '../../src/incident/facts.ts';
import type { NewIncident } from '../../src/incident/store.ts';

/** One incident as the tests tell it. */

export const alice = { name: 'alice', host: 'ops-1' };
export const bob = { name: 'bob', host: 'ops-2', ssh: '10.0.0.7' };

export const northwind: TenantRef = {
  id: { type: 'integer', text: '7' },
  slug: 'northwind',
  name: 'Northwind Labs',
  tier: 'enterprise',
};

export const steps: StepSpec[] = [
  { id: 'isolate', title: 'Isolate tenant', estimateSeconds: 300, effect: 'destroy' },
  { id: 'scope', title: 'Verify scope', estimateSeconds: 600, effect: 'read' },
  { id: 'restore', title: 'Restore tenant data', estimateSeconds: 1800, effect: 'destroy' },
  { id: 'reactivate', title: 'Reactivate', estimateSeconds: 300, effect: 'write', usable: true },
  { id: 'communicate', title: 'Communicate', estimateSeconds: 900, effect: 'manual' },
];

export function newIncident(changes: Partial<NewIncident> = {}): NewIncident {
  return {
    kind: 'runbook',
    title: 'Single tenant data corruption',
    version: '0.1.0',
    runbook: { name: 'single-tenant-corruption', hash: 'a'.repeat(64) },
    steps,
    database: { name: 'admin', location: '/var/www/data/admin.db', kind: 'sqlite' },
    environment: 'production',
    mode: 'live',
    tenants: [northwind],
    detectedAt: '2026-11-23T06:00:00.000Z',
    damagedAt: '2026-11-23T05:52:00.000Z',
    rtoSeconds: 1800,
    rpoSeconds: 3600,
    ...changes,
  };
}

export const intended: IncidentEvent = {
  event: 'restore.intended',
  tenant: northwind.id,
  from: '/backups/admin-0500.db.gz',
  mode: 'exact',
  digest: { before: 'b'.repeat(64), planned: 'c'.repeat(64) },
  effects: { file: 'effects-7.jsonl', sha256: 'd'.repeat(64), rows: 628 },
  safetyCopy: { path: 'safety/northwind.db', sha256: 'e'.repeat(64), rows: 590 },
  marker: {},
  tables: [
    { name: 'agents', insert: 36, update: 2, delete: 0, unchanged: 10, losses: 0, live: 12, backup: 48 },
  ],
};

export const finished: IncidentEvent = {
  event: 'restore.finished',
  tenant: northwind.id,
  committed: true,
  digest: { before: 'b'.repeat(64), planned: 'c'.repeat(64), after: 'c'.repeat(64) },
  isolation: {
    method: 'guards',
    otherRowsWritten: 0,
    tablesGuarded: 19,
    notes: ['schema changes by others are not covered'],
  },
  tables: [
    { name: 'agents', insert: 36, update: 2, delete: 0, unchanged: 10, losses: 0, live: 12, backup: 48 },
  ],
  seconds: { stage: 2.5, plan: 0.4, safety: 0.1, apply: 0.7, verify: 0.3, writeLock: 0.9 },
};
