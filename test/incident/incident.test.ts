import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { IncidentEvent } from '../../src/incident/events.ts';
import { createIncident, listIncidents, readIncident, resumeIncident } from '../../src/incident/store.ts';
import {
  bob,
  fakeClock,
  finished,
  intended,
  newIncident,
  northwind,
  store,
  temporaryFolder,
} from './support.ts';

describe('an incident', () => {
  it('is named after the minute it was opened in, with a number when the name is taken', async () => {
    const home = store(await temporaryFolder());
    const other = { ...northwind, id: { type: 'text' as const, text: '8' }, slug: 'south' };
    const first = await createIncident(home, newIncident());
    const second = await createIncident(home, newIncident({ tenants: [other] }));
    expect([first.id, second.id]).toEqual(['INC-20261123-0605', 'INC-20261123-0605-2']);
    expect(await readdir(first.dir)).toEqual(expect.arrayContaining(['journal.jsonl', 'safety', 'messages']));
    await first.close();
    await second.close();
    expect((await listIncidents(home.stateDir)).map((one) => [one.id, one.lock])).toEqual([
      ['INC-20261123-0605-2', 'free'],
      ['INC-20261123-0605', 'free'],
    ]);
  });

  it('gives a state that later events do not change', async () => {
    const incident = await createIncident(store(await temporaryFolder()), newIncident());
    const before = incident.state;
    const frozen = JSON.stringify(before);
    const heard: number[] = [];
    const stop = incident.subscribe(() => heard.push(incident.state.last.seq));
    const events: IncidentEvent[] = [
      { event: 'step.started', step: 'isolate' },
      {
        event: 'task.started',
        step: 'isolate',
        task: 'suspend',
        action: 'tenant.suspend',
        effect: 'destroy',
      },
      { event: 'tenant.suspended', tenant: northwind.id, former: 'active', status: 'suspended' },
      {
        event: 'task.finished',
        step: 'isolate',
        task: 'suspend',
        state: 'done',
        seconds: 3,
        output: { former: 'active' },
      },
      { event: 'step.finished', step: 'isolate', seconds: 4 },
      { event: 'note', text: 'customer on the phone' },
    ];
    await Promise.all(events.map((event) => incident.append(event)));
    stop();
    expect(JSON.stringify(before)).toBe(frozen);
    expect(heard).toEqual([2, 3, 4, 5, 6, 7]);
    expect(incident.state).toMatchObject({
      currentStep: null,
      tasks: { suspend: { state: 'done', seconds: 3, output: { former: 'active' } } },
      suspensions: [{ former: 'active', reactivatedAt: null }],
      notes: [{ text: 'customer on the phone' }],
    });
    expect(incident.state.steps[0]).toMatchObject({ state: 'done', seconds: 4, attempt: 1 });
    await incident.close();
  });

  it('is in one pair of hands: a second writer is told who holds it', async () => {
    const home = store(await temporaryFolder());
    const incident = await createIncident(home, newIncident());
    await expect(resumeIncident({ ...home, actor: bob }, incident.id)).rejects.toMatchObject({
      code: 'incident-locked',
      message: expect.stringContaining('alice'),
    });
    await incident.close('left');
    const { incident: again } = await resumeIncident({ ...home, actor: bob }, incident.id);
    expect(again.state.operators).toEqual(['alice', 'bob']);
    await again.close();
  });

  it('fences off the former process when it is taken over with a reason', async () => {
    const home = store(await temporaryFolder());
    const former = await createIncident(home, newIncident());
    const { incident: taken } = await resumeIncident({ ...home, actor: bob }, former.id, {
      reason: 'alice lost her line',
    });
    await expect(former.assertFence()).rejects.toMatchObject({
      code: 'fenced-off',
      message: expect.stringContaining('bob'),
    });
    await expect(former.append({ event: 'note', text: 'too late' })).rejects.toMatchObject({
      code: 'fenced-off',
    });
    await former.close();
    await taken.assertFence();
    await taken.append({ event: 'note', text: 'mine now' });
    expect(taken.entries.map((entry) => [entry.event, entry.fence])).toEqual([
      ['incident.opened', 1],
      ['taken-over', 2],
      ['note', 2],
    ]);
    expect(taken.state.takeOvers[0]).toMatchObject({
      reason: 'alice lost her line',
      automatic: false,
      from: { name: 'alice' },
    });
    await taken.close();
  });

  it('hands over with a note and lets go', async () => {
    const home = store(await temporaryFolder());
    const incident = await createIncident(home, newIncident());
    await incident.handOver('suspended, scope seen', 'backup of 05:00 looks right');
    const { incident: next } = await resumeIncident({ ...home, actor: bob }, incident.id);
    expect(next.entries.find((entry) => entry.event === 'handed-over')).toMatchObject({
      note: 'backup of 05:00 looks right',
    });
    await next.close();
  });

  it('keeps everything else away from a tenant whose restore has no known outcome', async () => {
    const home = store(await temporaryFolder());
    const incident = await createIncident(home, newIncident());
    await incident.append(intended);
    await incident.close();
    await expect(createIncident(home, newIncident({ kind: 'suspend' }))).rejects.toMatchObject({
      code: 'incident-unprobed',
      facts: { incident: incident.id },
    });
    const elsewhere = newIncident({ database: { name: 'other', location: '/other.db', kind: 'sqlite' } });
    await (await createIncident(home, elsewhere)).close();
    await (await createIncident(home, newIncident({ mode: 'dry-run' }))).close();
    const { incident: resumed } = await resumeIncident(home, incident.id);
    await resumed.append(finished);
    await resumed.append({ event: 'closed', outcome: 'completed' });
    await resumed.close();
    await (await createIncident(home, newIncident({ kind: 'suspend' }))).close();
    await expect(resumeIncident(home, incident.id)).rejects.toMatchObject({ code: 'usage' });
  });

  it('does not let two live incidents work on one tenant at a time', async () => {
    const home = store(await temporaryFolder());
    const incident = await createIncident(home, newIncident());
    await expect(createIncident(home, newIncident({ kind: 'suspend' }))).rejects.toMatchObject({
      code: 'incident-locked',
    });
    await incident.close();
    const second = await createIncident(home, newIncident({ kind: 'suspend' }));
    expect(second.state.opened.openToo).toEqual([incident.id]);
    await second.close();
    // Whoever goes on with either is told of the other one, too.
    const { incident: first } = await resumeIncident(home, incident.id);
    expect(first.state.openToo).toEqual([second.id]);
    await first.close();
    const closing = await resumeIncident(home, second.id);
    await closing.incident.append({ event: 'closed', outcome: 'completed' });
    await closing.incident.close();
    const { incident: alone } = await resumeIncident(home, incident.id);
    expect(alone.state.openToo).toEqual([]);
    await alone.close();
  });

  it('does not go on with one incident before the other one of the tenant was probed', async () => {
    const home = store(await temporaryFolder());
    const earlier = await createIncident(home, newIncident());
    await earlier.close();
    const later = await createIncident(home, newIncident({ kind: 'restore' }));
    await expect(resumeIncident(home, earlier.id)).rejects.toMatchObject({ code: 'incident-locked' });
    await later.append(intended);
    await later.close();
    const goesOn = resumeIncident(home, earlier.id);
    await expect(goesOn).rejects.toMatchObject({ code: 'incident-unprobed', facts: { incident: later.id } });
    const { incident: probed } = await resumeIncident(home, later.id);
    await probed.append({ event: 'restore.rolled-back', tenant: northwind.id, foundBy: 'probe' });
    await probed.close();
    await (await resumeIncident(home, earlier.id)).incident.close();
  });

  it('leaves a closed one out of account, unless the outcome of a restore in it is not known', async () => {
    const home = store(await temporaryFolder());
    const claims = { unsettled: true, about: () => true };
    for (const events of [[intended, finished], [intended]]) {
      const incident = await createIncident(home, newIncident());
      for (const event of events) await incident.append(event);
      await incident.append({ event: 'closed', outcome: 'failed' });
      await incident.close();
      const open = events.length === 1 ? [incident.id] : [];
      expect((await listIncidents(home.stateDir, claims)).map(({ id }) => id)).toEqual(open);
    }
    expect(await listIncidents(home.stateDir)).toHaveLength(2);
    expect(await listIncidents(home.stateDir, { about: () => false })).toEqual([]);
    await expect(createIncident(home, newIncident())).rejects.toMatchObject({ code: 'incident-unprobed' });
  });

  it('takes a damaged journal of an open incident for one that may hide a restore', async () => {
    const home = store(await temporaryFolder());
    const incident = await createIncident(home, newIncident());
    await incident.append({ event: 'note', text: 'one' });
    await incident.close();
    const path = incident.path('journal.jsonl');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"one"', '"two"'));
    await expect(readIncident(home.stateDir, incident.id)).rejects.toMatchObject({ code: 'journal-damaged' });
    await expect(createIncident(home, newIncident())).rejects.toMatchObject({ code: 'incident-unprobed' });
    expect(await listIncidents(home.stateDir)).toMatchObject([
      { damage: { facts: { line: 2 } }, state: { last: { seq: 1 } } },
    ]);
  });

  it('can be looked at while somebody else writes it', async () => {
    const home = store(await temporaryFolder());
    const incident = await createIncident(home, newIncident());
    const { incident: watching } = await readIncident(home.stateDir, incident.id);
    const seen = new Promise<void>((resolve) => watching.subscribe(() => resolve()));
    watching.follow((error) => {
      throw error;
    }, 5);
    await incident.append({ event: 'note', text: 'hello' });
    await seen;
    expect(watching.state.notes).toMatchObject([{ text: 'hello' }]);
    await expect(watching.append({ event: 'note', text: 'no' })).rejects.toMatchObject({ code: 'internal' });
    await watching.close();
    await incident.close();
  });

  it('notes a clock that was set back and lets its own time run on', async () => {
    const clock = fakeClock('2026-11-23T06:10:00.000Z');
    const incident = await createIncident(store(await temporaryFolder(), clock), newIncident());
    clock.set('2026-11-23T05:10:00.000Z');
    await incident.append({ event: 'note', text: 'an hour back' });
    expect(incident.entries.map((entry) => entry.event)).toEqual(['incident.opened', 'clock.jumped', 'note']);
    expect(incident.state.last.elapsedSeconds).toBeGreaterThanOrEqual(600);
    clock.pass(60);
    await incident.append({ event: 'note', text: 'a minute later' });
    expect(incident.state.last.elapsedSeconds).toBeGreaterThanOrEqual(660);
    expect(incident.state.last.elapsedSeconds).toBeLessThan(665);
    await incident.close();
  });

  it('copies its journal and safety copies to the mirror, and says when it cannot', async () => {
    const stateDir = await temporaryFolder();
    const mirrorDir = join(await temporaryFolder(), 'mirror');
    const incident = await createIncident(store(stateDir, fakeClock(), { mirrorDir }), newIncident());
    await writeFile(incident.path('safety', 'northwind.db'), 'rows');
    incident.mirrorFile(incident.path('safety', 'northwind.db'));
    await incident.append({ event: 'note', text: 'one' });
    await incident.close();
    const mirrored = join(mirrorDir, incident.id);
    expect(await readFile(join(mirrored, 'journal.jsonl'))).toEqual(
      await readFile(incident.path('journal.jsonl')),
    );
    expect(await readFile(join(mirrored, 'northwind.db'), 'utf8')).toBe('rows');

    await rm(mirrorDir, { recursive: true });
    await writeFile(mirrorDir, 'a file where a folder should be');
    const home = store(stateDir, fakeClock(), { mirrorDir });
    const { incident: again } = await resumeIncident(home, incident.id);
    await new Promise<void>((resolve) => {
      if (again.state.mirrorFailure) resolve();
      else again.subscribe(() => again.state.mirrorFailure && resolve());
    });
    await rm(mirrorDir);
    await again.append({ event: 'note', text: 'two' });
    await again.close();
    expect(await readFile(join(mirrored, 'journal.jsonl'))).toEqual(
      await readFile(again.path('journal.jsonl')),
    );
  });

  it('does not begin where it cannot write', async () => {
    const stateDir = await temporaryFolder();
    await writeFile(join(stateDir, 'incidents'), 'in the way');
    await expect(createIncident(store(stateDir), newIncident())).rejects.toMatchObject({
      code: 'usage',
    });
  });

  it('says which incidents there are when asked for one that is not', async () => {
    const stateDir = await temporaryFolder();
    await expect(readIncident(stateDir, '../etc')).rejects.toMatchObject({ code: 'incident-unknown' });
    await mkdir(join(stateDir, 'incidents', 'INC-20261123-0606'), { recursive: true });
    expect(await listIncidents(stateDir)).toEqual([]);
  });
});
