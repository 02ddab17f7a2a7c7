import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IncidentEvent } from '../../src/incident/events.ts';
import type { Incident } from '../../src/incident/incident.ts';
import { createIncident } from '../../src/incident/store.ts';
import type { RunnerView } from '../../src/runbook/view.ts';
import { tables } from './samples.ts';

/** The incident of the design's picture, in a real journal: step 3 of 5 under way at 06:13:41. */

const tenant = { type: 'integer', text: '7' } as const;
const minute = 60;

const steps = [
  { id: 'isolate', title: 'Isolate tenant', estimateSeconds: 5 * minute, effect: 'destroy' as const },
  { id: 'scope', title: 'Verify scope', estimateSeconds: 10 * minute, effect: 'read' as const },
  {
    id: 'restore',
    title: 'Restore tenant data',
    estimateSeconds: 30 * minute,
    effect: 'destroy' as const,
    tasks: [
      {
        id: 'restore-rows',
        title: 'Restore the rows',
        kind: 'action' as const,
        action: 'restore',
        effect: 'destroy' as const,
      },
    ],
  },
  {
    id: 'reactivate',
    title: 'Reactivate',
    estimateSeconds: 5 * minute,
    effect: 'write' as const,
    usable: true,
  },
  { id: 'tell', title: 'Communicate', estimateSeconds: 15 * minute, effect: 'write' as const },
];

const counts = tables.map(({ name, insert, update, delete: removed, unchanged, losses, live, backup }) => ({
  name,
  insert,
  update,
  delete: removed,
  unchanged,
  losses,
  live,
  backup,
}));

const story: [string, IncidentEvent][] = [
  ['06:06:10', { event: 'step.started', step: 'isolate' }],
  ['06:06:12', { event: 'tenant.suspended', tenant, former: 'active', status: 'suspended' }],
  ['06:08:02', { event: 'step.finished', step: 'isolate', seconds: 112 }],
  ['06:08:03', { event: 'step.started', step: 'scope' }],
  [
    '06:12:11',
    {
      event: 'backup.chosen',
      ref: 'chatbot_sqlite_20261123_050000',
      path: '/backups/chatbot_sqlite_20261123_050000.db.zst',
      sha256: null,
      takenAt: '2026-11-23T05:00:00.000Z',
      rpo: { limitSeconds: 3600, ageSeconds: 3120, met: true },
    },
  ],
  [
    '06:12:13',
    { event: 'step.finished', step: 'scope', seconds: 250, summary: 'agents, audit_messages and 2 more' },
  ],
  [
    '06:12:30',
    {
      event: 'plan.made',
      tenant,
      from: 'chatbot_sqlite_20261123_050000',
      mode: 'exact',
      tables: counts,
      live: 'a',
      staged: 'b',
      atStake: { rows: 41, seconds: 4410 },
    },
  ],
  ['06:12:39', { event: 'confirmed', what: 'restore-rows: Restore the rows', phrase: 'slug' }],
  ['06:12:39', { event: 'step.started', step: 'restore' }],
  [
    '06:12:40',
    {
      event: 'task.started',
      step: 'restore',
      task: 'restore-rows',
      action: 'restore',
      effect: 'destroy',
      input: {},
    },
  ],
];

export async function sampleIncident(more: [string, IncidentEvent][] = []): Promise<Incident> {
  let time = '06:05:00';
  const at = (clock: string): number => Date.parse(`2026-11-23T${clock}.000Z`);
  const incident = await createIncident(
    {
      stateDir: mkdtempSync(join(tmpdir(), 'tenant-dr-screens-')),
      actor: { name: 'alice', host: 'ops1' },
      now: () => at(time),
    },
    {
      kind: 'runbook',
      title: 'Single tenant data corruption',
      version: '0.1.0',
      runbook: { name: 'single-tenant-corruption', hash: 'x' },
      steps,
      database: { name: 'chatbot', location: '/var/www/data/admin.db', kind: 'sqlite' },
      environment: 'production',
      mode: 'live',
      tenants: [{ id: tenant, slug: 'northwind', name: 'Northwind Labs', tier: 'enterprise' }],
      detectedAt: '2026-11-23T06:05:00.000Z',
      damagedAt: '2026-11-23T05:52:00.000Z',
      rtoSeconds: 30 * minute,
      rpoSeconds: 60 * minute,
    },
  );
  for (const [clock, event] of [...story, ...more]) {
    time = clock;
    await incident.append(event);
  }
  return incident;
}

/** Closes it and takes its folder away. */
export async function forget(incident: Incident): Promise<void> {
  await incident.close();
  rmSync(join(incident.dir, '..', '..'), { recursive: true, force: true });
}

export const applying: RunnerView = {
  phase: 'running',
  step: 'restore',
  task: 'restore-rows',
  guide: {
    why: 'One transaction; a verified safety copy is on disk before the first change.',
    success: ['The transaction is committed and its isolation is proved'],
    ifItFails: ['A conflict names the row in the way. Leave the table out, or choose another mode.'],
  },
  preview: null,
  progress: { phase: 'applying', done: 435, total: 680, unit: 'rows' },
  skippable: null,
  output: [],
  question: null,
  outcome: null,
};
