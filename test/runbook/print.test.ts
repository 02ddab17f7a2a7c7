import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { listRunbooks, loadRunbook, shippedFolder } from '../../src/runbook/load.ts';
import { printRunbook, runbookJsonSchema } from '../../src/runbook/print.ts';
import { runbookSchema } from '../../src/runbook/schema.ts';
import { folderOfTheFile } from '../afterwards.ts';

test('every shipped runbook can be used, and printed as something a person can follow', async () => {
  const found = await listRunbooks(undefined);
  expect(found.map((one) => one.error)).toEqual(found.map(() => null));
  for (const { runbook } of found) {
    if (!runbook) throw new Error('unusable');
    const page = printRunbook(runbook);
    for (const step of runbook.steps) {
      expect(page).toContain(step.title);
      expect(page).toContain(step.why);
      for (const task of step.tasks) {
        if (task.body.kind === 'action') expect(page).toContain(task.body.action.byHand);
        for (const line of [...task.success, ...task.ifItFails]) expect(page).toContain(line);
      }
    }
  }
});

test('the corruption runbook has the five steps and estimates of the source document', async () => {
  const runbook = await loadRunbook('single-tenant-corruption', undefined);
  expect(runbook.steps.map((step) => [step.title, step.estimateSeconds / 60])).toEqual([
    ['Isolate tenant', 5],
    ['Verify scope', 10],
    ['Restore tenant data', 30],
    ['Reactivate tenant', 5],
    ['Communicate', 15],
  ]);
  expect(runbook.steps.filter((step) => step.usable).map((step) => step.id)).toEqual(['reactivate']);
});

test('own runbooks are found beside the shipped ones, and an own one takes the place of one with its id', async () => {
  const own = folderOfTheFile('own');
  const shipped = await readFile(path.join(shippedFolder, 'single-tenant-corruption.yaml'), 'utf8');
  await writeFile(path.join(own, 'ours.yaml'), shipped.replace('id: single-tenant-corruption', 'id: ours'));
  await writeFile(
    path.join(own, 'corruption.yaml'),
    shipped.replace('title: Single tenant', 'title: Our single tenant'),
  );
  await writeFile(path.join(own, 'broken.yaml'), 'id: [');
  const found = await listRunbooks(own);
  expect(found.map(({ id, origin, error }) => [id, origin, error?.code ?? null]).sort()).toEqual([
    ['broken', 'own', 'runbook-invalid'],
    ['ours', 'own', null],
    ['single-tenant-corruption', 'own', null],
  ]);
  expect((await loadRunbook('single-tenant-corruption', own)).title).toBe(
    'Our single tenant data corruption',
  );
});

test('an unknown runbook is refused with the nearest name', async () => {
  await expect(loadRunbook('single-tenant-coruption', undefined)).rejects.toMatchObject({
    code: 'file-missing',
    message: expect.stringContaining('did you mean single-tenant-corruption?'),
  });
});

test('the JSON Schema for editors accepts the shipped runbooks and knows every key', async () => {
  const jsonSchema = runbookJsonSchema(runbookSchema);
  const back = z.fromJSONSchema(jsonSchema as Parameters<typeof z.fromJSONSchema>[0]);
  const shipped = parse(await readFile(path.join(shippedFolder, 'single-tenant-corruption.yaml'), 'utf8'));
  expect(back.safeParse(shipped).success).toBe(true);
  expect(back.safeParse({ ...shipped, stepps: [] }).success).toBe(false);
});
