import { readFile, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { noContacts, parseContacts } from '../../src/incident/contacts.ts';
import type { IncidentEvent } from '../../src/incident/events.ts';
import type { Audience, MessageKind } from '../../src/incident/facts.ts';
import { draftMessage, owedMessages, writeMessage } from '../../src/incident/messages.ts';
import { createIncident } from '../../src/incident/store.ts';
import { finished, intended, newIncident, northwind, stateOf, store, temporaryFolder } from './support.ts';

const contacts = parseContacts(
  `
signature: Chatbot support, +49 30 1234
statusPage: https://status.chatbot.example
internal: ['#incidents']
tenants: { northwind: [ops@northwind.example] }
updateEvery: { enterprise: 20m }
`,
  'contacts.yaml',
);

const now = Date.parse('2026-11-23T06:20:00.000Z');
const suspended: [number, IncidentEvent] = [
  6,
  { event: 'tenant.suspended', tenant: northwind.id, former: 'active', status: 'suspended' },
];
const chosen: [number, IncidentEvent] = [
  8,
  {
    event: 'backup.chosen',
    ref: 'admin-0500',
    path: '/b',
    sha256: null,
    takenAt: '2026-11-23T05:00:00.000Z',
    rpo: { limitSeconds: 3600, ageSeconds: 3120, met: true },
  },
];
const restored: [number, IncidentEvent][] = [suspended, chosen, [9, intended], [12, finished]];
const verified: [number, IncidentEvent] = [13, { event: 'verified', level: 'full', ok: true, checks: [] }];
const usable: [number, IncidentEvent][] = [
  [14, { event: 'step.started', step: 'reactivate' }],
  [15, { event: 'tenant.reactivated', tenant: northwind.id, former: 'suspended', status: 'active' }],
];

function draft(events: [number, IncidentEvent][], audience: Audience, kind: MessageKind) {
  return draftMessage(stateOf(events), contacts, { audience, kind, now });
}

describe('a message', () => {
  it('fills in what is known, whom it goes to and when the next one is due', () => {
    const first = draft([suspended], 'tenant', 'first-notice');
    expect(first).toMatchObject({
      id: 'first-notice-tenant-1',
      to: ['ops@northwind.example'],
      nextUpdateDueAt: '2026-11-23T06:40:00.000Z',
      unproven: [],
    });
    expect(first.body).toContain('Dear Northwind Labs team,');
    expect(first.body).toContain('paused since 06:06 UTC on 2026-11-23');
    expect(first.body).toContain('We believe it began at about 05:52 UTC');
    expect(first.body).toContain('hear from us again by 06:40 UTC');
    expect(first.body).toContain('https://status.chatbot.example');
    expect(first.body).toContain('Chatbot support');
  });

  it('never says resolved, checked or available before verification and reactivation have shown it', () => {
    const claims = /resolved$|checks of it have passed|available again/m;
    for (const events of [[suspended], [suspended, chosen], restored]) {
      for (const audience of ['tenant', 'status-page', 'internal'] as const) {
        const last = draft(events, audience, 'resolved');
        expect(`${last.subject.replace('not yet confirmed as resolved', '')}\n${last.body}`).not.toMatch(
          claims,
        );
        expect(last.unproven).toContain('The tenant cannot work again yet.');
      }
    }
    expect(draft(restored, 'tenant', 'resolved').unproven).toContain(
      'The restored data has not passed verification.',
    );
    expect(draft(restored, 'tenant', 'update').body).toContain('We have not finished checking it.');
    const failed: [number, IncidentEvent] = [13, { event: 'verified', level: 'full', ok: false, checks: [] }];
    expect(draft([...restored, failed], 'tenant', 'update').body).toContain('found differences');
  });

  it('says so plainly once they have', () => {
    const last = draft([...restored, verified, ...usable], 'tenant', 'resolved');
    expect(last).toMatchObject({
      subject: 'Data problem: Northwind Labs: resolved',
      nextUpdateDueAt: null,
      unproven: [],
    });
    expect(last.body).toContain('put back from the backup of 05:00 UTC on 2026-11-23');
    expect(last.body).toContain('Our checks of it have passed.');
    expect(last.body).toContain('available again since 06:15 UTC');
    expect(last.body).toContain('Entries made or changed after 05:00 UTC');
  });

  it('does not take a check made before the restore for a check of it', () => {
    const before: [number, IncidentEvent] = [7, { event: 'verified', level: 'basic', ok: true, checks: [] }];
    expect(draft([suspended, before, ...restored.slice(1)], 'tenant', 'update').body).toContain(
      'not finished checking',
    );
  });

  it('does not call a restore done whose outcome nobody knows', () => {
    const body = draft([...restored, [13, intended]], 'tenant', 'update').body;
    expect(body).toContain('Nothing has been restored yet');
    expect(draft([...restored, [13, intended]], 'internal', 'update').body).toContain('outcome NOT KNOWN');
  });

  it('never names the tenant on the status page', () => {
    for (const kind of ['first-notice', 'update', 'resolved'] as const) {
      const page = draft([...restored, verified, ...usable], 'status-page', kind);
      expect(`${page.subject}${page.body}`).not.toMatch(/northwind/i);
    }
  });

  it('calls an expected end an estimate', () => {
    expect(draft([suspended], 'tenant', 'update').body).toMatch(/at about .*; this is an estimate/);
  });

  it('shows control characters of a name instead of obeying them', () => {
    const state = stateOf([], { tenants: [{ ...northwind, name: 'Evil\r\nBcc: all@example.com\u202e' }] });
    const { body, subject } = draftMessage(state, noContacts, { audience: 'tenant', kind: 'update', now });
    expect(`${subject}${body}`).not.toMatch(/\r|\u202e|\nBcc/);
  });

  it('is kept as a private file of the incident', async () => {
    const incident = await createIncident(store(await temporaryFolder()), newIncident());
    const draft = draftMessage(incident.state, contacts, { audience: 'tenant', kind: 'first-notice', now });
    const file = await writeMessage(incident, draft);
    expect(file).toBe('messages/first-notice-tenant-1.txt');
    expect(await readFile(incident.path(file), 'utf8')).toMatch(
      /^To: ops@northwind.example\nSubject: Data problem/,
    );
    expect((await stat(incident.path(file))).mode & 0o777).toBe(0o600);
    await incident.append({
      event: 'message.written',
      message: draft.id,
      audience: 'tenant',
      kind: 'first-notice',
      file,
      nextUpdateDueAt: draft.nextUpdateDueAt,
    });
    expect(incident.state.nextUpdateDueAt).toBe('2026-11-23T06:40:00.000Z');
    expect(draftMessage(incident.state, contacts, { audience: 'tenant', kind: 'first-notice', now }).id).toBe(
      'first-notice-tenant-2',
    );
    await incident.close();
  });
});

describe('an incident owes the tenant', () => {
  it('a first notice and a last word, until each was sent, written or waived', () => {
    const owed = (events: [number, IncidentEvent][]) => owedMessages(stateOf(events)).map((one) => one.kind);
    expect(owed([])).toEqual(['first-notice', 'resolved']);
    const drafted: [number, IncidentEvent] = [
      1,
      { event: 'message.drafted', message: 'm', audience: 'tenant', kind: 'first-notice' },
    ];
    expect(owed([drafted])).toEqual(['first-notice', 'resolved']);
    const sent: [number, IncidentEvent] = [
      2,
      {
        event: 'message.sent',
        message: 'm',
        audience: 'tenant',
        kind: 'first-notice',
        via: 'command',
        nextUpdateDueAt: null,
      },
    ];
    expect(owed([drafted, sent])).toEqual(['resolved']);
    const waived: [number, IncidentEvent] = [
      3,
      { event: 'message.waived', audience: 'tenant', kind: 'resolved', reason: 'told by phone' },
    ];
    expect(owed([drafted, sent, waived])).toEqual([]);
  });

  it('nothing in a rehearsal', () => {
    expect(owedMessages(stateOf([], { mode: 'rehearsal' }))).toEqual([]);
  });
});

describe('the contacts file', () => {
  it('says what is wrong with it', () => {
    expect(() => parseContacts('tenant: {}', 'contacts.yaml')).toThrow(/contacts.yaml/);
    expect(() => parseContacts('tenants: [', 'contacts.yaml')).toThrow(/not YAML/);
    expect(parseContacts('', 'contacts.yaml')).toEqual(noContacts);
  });
});
