import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { takeBackup } from '../../src/backups/take.ts';
import { absentOperator } from '../../src/runbook/headless.ts';
import { temporaryFolder } from '../cli/folder.ts';
import { sceneOf, start } from '../runbook/scene.ts';
import { ways } from './ways.ts';

/** Five tenants with forty leads each, and calls that belong to tenants through them. */
const rows = Array.from({ length: 200 }, (_, i) => i + 1);
const script = `
CREATE TABLE tenants (id int PRIMARY KEY, slug varchar(9), status varchar(9), tier varchar(9));
CREATE TABLE leads (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, name varchar(20));
CREATE TABLE calls (id int PRIMARY KEY, lead_id int REFERENCES leads, note varchar(20));
INSERT INTO tenants VALUES (1, 'one', 'active', 'free'), (2, 'two', 'active', 'pro'), (3, 'three', 'active', 'free'), (4, 'four', 'active', 'free'), (5, 'five', 'active', 'free');
INSERT INTO leads VALUES ${rows.map((i) => `(${i}, ${1 + (i % 5)}, 'lead ${i}')`).join(', ')};
INSERT INTO calls VALUES ${rows.map((i) => `(${i}, ${i}, 'call ${i}')`).join(', ')};
`;

/** The same mishap in tenants two and four; three lost its calls with it; five has an ordinary day. */
const mishap = `
UPDATE leads SET name = 'overwritten' WHERE tenant_id IN (2, 4);
DELETE FROM calls WHERE lead_id IN (SELECT id FROM leads WHERE tenant_id IN (2, 3)) AND id > 20;
UPDATE leads SET name = 'x' WHERE id IN (4, 9);
`;

const runbook = `id: short
title: Short
symptoms: [something]
impact: [one tenant]
steps:
  - { id: it, title: It, estimate: 1m, why: w, uses: scope, with: { backups: 1 } }
`;

test.each(['a SQLite file', 'a live server'])(
  'the same damage is found in other tenants, and an ordinary day is not taken for it: %s',
  async (way) => {
    const pair = await (ways[way] as (typeof ways)[string])(script);
    const dir = temporaryFolder();
    mkdirSync(join(dir, 'backups'));
    const configPath = join(dir, 'tenant-dr.config.yaml');
    writeFileSync(
      configPath,
      `database: ${pair.address}\nbackups: ./backups\nstate: ./state\ntenants: { tier: { column: tier } }\n`,
    );
    const here = await sceneOf({ dir, configPath, statePath: join(dir, 'state'), victim: 'two' });
    await takeBackup({ config: here.config, compression: 'zstd', digests: true });
    await pair.change(mishap);
    const { incident, runner } = await start(here, runbook, absentOperator(undefined), {
      damagedAt: new Date(),
    });
    expect(await runner.run()).toEqual({ outcome: 'completed', error: null });
    const { output } = incident.state.tasks.it as { output: Record<string, unknown> };
    await incident.close();
    expect(output.others).toEqual([
      { slug: 'four', tables: ['leads'], missing: 0, overwritten: 40 },
      { slug: 'three', tables: ['calls'], missing: 36, overwritten: 0 },
    ]);
    expect(output.lookedRound).toMatchObject({ ended: 'all', changed: 3, compared: 3 });
    expect(incident.state.taskNotes.map((note) => note.text).join('\n')).toContain('ALSO HIT: three: calls');
  },
);
