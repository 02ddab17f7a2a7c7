import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closeFailed } from '../../src/cli/one-step.ts';
import type { IncidentEvent } from '../../src/incident/events.ts';
import { createIncident } from '../../src/incident/store.ts';
import { tenantDr, tenantDrProcess } from '../cli/run.ts';
import { finished, intended, newIncident, northwind, store, temporaryFolder } from './support.ts';

/** A folder with one incident in `state/`, closed unless `open`. */
async function folder({ open = false } = {}) {
  const cwd = await temporaryFolder();
  const incident = await createIncident(store(join(cwd, 'state'), Date.now), newIncident());
  await incident.append({ event: 'step.started', step: 'restore' });
  await incident.append(intended);
  if (!open) {
    await incident.append(finished);
    await incident.append({ event: 'step.finished', step: 'restore', seconds: 12 });
    await incident.append({ event: 'closed', outcome: 'stopped', reason: 'enough for a test' });
  }
  await incident.close();
  const tenant = (...args: string[]) => tenantDr([...args, '--state', 'state'], { cwd });
  return { cwd, incident, tenant };
}

describe('tenant-dr incidents', () => {
  it('lists what is open, what is not, and what nobody knows yet', async () => {
    const { tenant, incident } = await folder({ open: true });
    const { document, exit } = await tenant('incidents', '--json');
    expect(exit).toBe(0);
    expect(document).toMatchObject({
      schema: 'tenant-dr/incidents/1',
      ok: true,
      incidents: [
        {
          id: incident.id,
          outcome: 'open',
          lock: 'free',
          unprobed: ['northwind'],
          step: 'restore',
          rto: { met: null },
        },
      ],
    });
    const { stdout } = await tenant('incidents', '--open');
    expect(stdout).toContain(`tenant-dr resume ${incident.id} finds out`);
  });

  it('names the first few of many tenants', async () => {
    const { cwd, tenant } = await folder({ open: true });
    const tenants = [1, 2, 3, 4, 5].map((id) => ({
      ...northwind,
      id: { type: 'integer' as const, text: `${id}` },
      slug: `t${id}`,
    }));
    const many = await createIncident(store(join(cwd, 'state'), Date.now), newIncident({ tenants }));
    await many.close();
    expect((await tenant('incidents')).stdout).toContain('t1, t2, t3 and 2 more');
  });

  it('says so when there are none', async () => {
    const { stdout, exit } = await tenantDr(['incidents', '--state', 'nowhere'], {
      cwd: await temporaryFolder(),
    });
    expect([stdout.trim(), exit]).toEqual(['No incidents yet.', 0]);
  });
});

describe('a bare command that failed', () => {
  const stopped = { event: 'run.stopped', why: 'failed', message: 'the hook said no' } as const;
  const suspended = {
    event: 'tenant.suspended',
    tenant: northwind.id,
    former: 'active',
    status: 'suspended',
  } as const;
  it.each<[string, IncidentEvent[], string]>([
    ['nothing was changed', [stopped], 'failed'],
    ['something was changed', [suspended, stopped], 'failed'],
    ['nobody knows yet what was changed', [intended, stopped], 'open'],
    ['it was stopped, not failed', [suspended, { ...stopped, why: 'refused' }], 'open'],
  ])('ends its incident, resumed or not: %s', async (_, events, outcome) => {
    const incident = await createIncident(store(await temporaryFolder()), newIncident({ kind: 'suspend' }));
    for (const event of events) await incident.append(event);
    await closeFailed(incident);
    await closeFailed(incident);
    expect(incident.state.closed?.outcome ?? 'open').toBe(outcome);
    await incident.close();
  });
});

describe('tenant-dr report', () => {
  it('prints Markdown, HTML or JSON and keeps it in the folder of the incident', async () => {
    const { tenant, incident } = await folder();
    const markdown = await tenant('report', incident.id);
    expect(markdown).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining(`# Single tenant data corruption: ${incident.id}`),
    });
    expect(await readFile(incident.path('report.md'), 'utf8')).toBe(markdown.stdout);
    const html = await tenant('report', incident.id, '--format', 'html');
    expect(html.stdout).toMatch(/^<!doctype html>/);
    const json = await tenant('report', incident.id, '--json');
    expect(json.document).toMatchObject({
      schema: 'tenant-dr/report/1',
      ok: true,
      outcome: 'stopped',
      restores: [{ total: { insert: 36 } }],
    });
    const asText = await tenant('report', incident.id, '--format', 'json');
    expect(JSON.parse(asText.stdout)).toMatchObject({ outcome: 'stopped' });
  });

  it('of a damaged journal says where, prints what is left, and exits 4', async () => {
    const { tenant, incident } = await folder();
    const path = incident.path('journal.jsonl');
    await writeFile(path, (await readFile(path, 'utf8')).replace('enough for', 'enouhg for'));
    const { document, exit, stderr } = await tenant('report', incident.id, '--json');
    expect(exit).toBe(4);
    expect(document).toMatchObject({
      ok: false,
      error: { code: 'journal-damaged', exit: 4, line: 6 },
      integrity: { ok: false, brokenAt: 6, lines: 5 },
    });
    expect(stderr).toContain('Line 6');
    expect((await tenant('report', incident.id)).stdout).toContain('the chain breaks at line 6');
  });

  it('marks one of an open incident', async () => {
    const { tenant, incident } = await folder({ open: true });
    expect((await tenant('report', incident.id)).stderr).toContain('still open');
    const meant = await tenant('report', incident.id, '--so-far');
    expect(meant.stderr).not.toContain('still open');
    expect(meant.stdout).toContain('STILL OPEN');
  });

  it('refuses an incident that is not there', async () => {
    const { tenant } = await folder();
    expect(await tenant('report', 'INC-1', '--json')).toMatchObject({
      exit: 2,
      document: { error: { code: 'incident-unknown' } },
    });
  });
});

describe('tenant-dr watch', () => {
  it('tells what happened and ends when the incident is closed', async () => {
    const { tenant, incident } = await folder();
    const { document, events, exit } = await tenant('watch', incident.id, '--json');
    expect(exit).toBe(0);
    expect(events.map((event) => event.what)).toEqual(incident.entries.map((entry) => entry.event));
    expect(document).toMatchObject({
      schema: 'tenant-dr/watch/1',
      incident: incident.id,
      outcome: 'stopped',
    });
  });

  it('follows an incident while another process writes it', async () => {
    const cwd = await temporaryFolder();
    const incident = await createIncident(store(join(cwd, 'state'), Date.now), newIncident());
    const seen = Promise.withResolvers<void>();
    const watching = tenantDrProcess(['watch', '--state', 'state'], {
      cwd,
      onStart: (process) => process.stderr?.once('data', () => seen.resolve()),
    });
    await seen.promise;
    await incident.append({ event: 'note', text: 'the customer\u001b[2J called' });
    await incident.append({ event: 'closed', outcome: 'completed' });
    const { stderr, stdout, exit } = await watching;
    await incident.close();
    expect(exit).toBe(0);
    expect(stderr).toContain('Note: the customer\\u{1b}[2J called');
    expect(stdout).toContain('completed');
  });

  it('says at once how things stand when asked to, without waiting', async () => {
    const { tenant } = await folder({ open: true });
    const { stdout, exit } = await tenant('watch', '--once');
    expect(exit).toBe(0);
    expect(stdout).toContain('The estimates alone are more than the RTO.');
  });

  it('needs an open incident when none is named', async () => {
    const { tenant } = await folder();
    expect(await tenant('watch', '--json')).toMatchObject({
      exit: 2,
      document: { error: { code: 'incident-unknown' } },
    });
  });
});
