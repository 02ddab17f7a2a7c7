import { describe, expect, it } from 'vitest';
import { useArea } from '../../src/tui/components/Screen.tsx';
import { BackupsScreen } from '../../src/tui/screens/BackupsScreen.tsx';
import { ConfirmScreen } from '../../src/tui/screens/ConfirmScreen.tsx';
import { PlanScreen } from '../../src/tui/screens/PlanScreen.tsx';
import { headerLines } from '../../src/tui/view/header.ts';
import { backups, confirmation, header, planQuestion } from './samples.ts';
import { keys, open } from './terminal.ts';

function At({
  children,
}: {
  children: (inside: {
    area: { columns: number; rows: number };
    header: ReturnType<typeof headerLines>;
    onQuit: () => void;
  }) => React.ReactNode;
}) {
  const area = useArea();
  return children({ area, header: headerLines(header, area.columns), onQuit: () => {} });
}

describe('look', () => {
  it('shows', async () => {
    const a = open(
      <At>{(inside) => <ConfirmScreen {...inside} question={confirmation} onAnswer={() => {}} />}</At>,
    );
    await a.shows('northwind');
    console.log(a.text());
    await new Promise((r) => setTimeout(r, 350));
    a.type('north');
    await a.shows('north');
    console.log(a.text());
    await a.leave();
    const b = open(
      <At>
        {(inside) => (
          <BackupsScreen
            {...inside}
            title="Choose the backup"
            damagedAt="2026-11-23T05:52:00.000Z"
            backups={backups}
            scope={null}
            onTake={() => {}}
            onBack={() => {}}
          />
        )}
      </At>,
    );
    await b.shows('damage');
    console.log(b.text());
    await new Promise((r) => setTimeout(r, 350));
    b.type(keys.down + keys.down + keys.down);
    await b.shows('▶');
    console.log(b.text());
    b.type('v');
    await b.shows('Row counts');
    console.log(b.text());
    await b.leave();
    const c = open(
      <At>
        {(inside) => <PlanScreen {...inside} question={planQuestion} onAnswer={() => {}} onBack={() => {}} />}
      </At>,
    );
    await c.shows('exact');
    console.log(c.text());
    await new Promise((r) => setTimeout(r, 350));
    c.type(keys.down);
    c.type(keys.enter);
    await c.shows('row 1 of');
    console.log(c.text());
    c.type(keys.enter);
    await c.shows('hello');
    console.log(c.text());
    await c.resize(140, 45);
    console.log(c.text());
    await c.leave();
    expect(1).toBe(1);
  });
});
