import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ReactNode } from 'react';
import { expect, it } from 'vitest';
import { BackupsScreen } from '../../src/tui/screens/BackupsScreen.tsx';
import { ConfirmScreen } from '../../src/tui/screens/ConfirmScreen.tsx';
import type { Inside } from '../../src/tui/screens/inside.ts';
import { PlanScreen } from '../../src/tui/screens/PlanScreen.tsx';
import { RunScreen } from '../../src/tui/screens/RunScreen.tsx';
import { Framed, settled } from './frame.tsx';
import { applying, forget, sampleIncident } from './incident.ts';
import { backups, confirmation, damagedAt, now, planQuestion } from './samples.ts';
import { keys, open } from './terminal.ts';

/**
 * The README's pictures are what the screens draw. To write them anew after a change of a screen:
 * TENANT_DR_UPDATE=1 npx vitest run --config test/vitest.config.ts test/tui/captures.test.tsx
 */

const readme = fileURLToPath(new URL('../../README.md', import.meta.url));
const section = /(<!-- screens -->\n)[\s\S]*?(\n<!-- \/screens -->)/;

interface Capture {
  title: string;
  waitFor: string;
  type?: string;
  screen: (inside: Inside) => ReactNode;
}

async function capture({ title, waitFor, type, screen }: Capture): Promise<string> {
  const terminal = open(<Framed>{screen}</Framed>, { now: () => new Date(now) });
  if (type) {
    await settled();
    terminal.type(type);
  }
  await terminal.shows(waitFor);
  const picture = terminal
    .lines()
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
  await terminal.leave();
  return `${title}\n\n\`\`\`text\n${picture}\n\`\`\``;
}

it('the pictures in the README are what the screens draw', async () => {
  const incident = await sampleIncident();
  const { state } = incident;
  const captures: Capture[] = [
    {
      title: 'While rows are put back: the clocks, the steps, what changes in which table, and the proof.',
      waitFor: 'applying',
      screen: (inside) => (
        <RunScreen
          {...inside}
          state={state}
          view={applying}
          frame={0}
          onAnswer={() => {}}
          onOpen={() => {}}
        />
      ),
    },
    {
      title:
        'Choosing a backup: none is preselected, the damage is drawn as a line, rows are set against the neighbour.',
      waitFor: '▶ 23 Nov 05:00',
      type: keys.down + keys.down,
      screen: (inside) => (
        <BackupsScreen
          {...inside}
          title="Which backup shall the tenant come back from?"
          damagedAt={damagedAt}
          backups={backups}
          scope={null}
          onTake={() => {}}
          onBack={() => {}}
        />
      ),
    },
    {
      title: 'The plan: exact effects per table; tables and single rows can be left out.',
      waitFor: 'audit_messages',
      screen: (inside) => (
        <PlanScreen {...inside} question={planQuestion} onAnswer={() => {}} onBack={() => {}} />
      ),
    },
    {
      title: 'Before anything is destroyed: what is at stake, and a phrase to type.',
      waitFor: '› north',
      type: 'north',
      screen: (inside) => <ConfirmScreen {...inside} question={confirmation} onAnswer={() => {}} />,
    },
  ];
  const pictures: string[] = [];
  for (const one of captures) pictures.push(await capture(one));
  await forget(incident);
  const text = readFileSync(readme, 'utf8');
  const wanted = text.replace(
    section,
    (_, start: string, end: string) => `${start}${pictures.join('\n\n')}${end}`,
  );
  if (process.env.TENANT_DR_UPDATE) writeFileSync(readme, wanted);
  else expect(text).toBe(wanted);
  expect(text).toMatch(section);
});
