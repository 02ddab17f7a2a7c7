import { nearestHint } from '../../config/explain.ts';
import type { Ownership } from '../../engine/ownership.ts';
import { classify } from '../../engine/ownership.ts';
import { printable } from '../../engine/printable.ts';
import { command } from '../command.ts';
import { textTable } from '../format.ts';

export default command({
  effect: 'read',
  examples: ['tenant-dr tables --database ./data/admin.db', 'tenant-dr tables --json | jq .unclassified'],
  async run(context) {
    const config = await context.config();
    const database = await context.openDatabase();
    const session = await database.open({ mode: 'read' });
    try {
      const ownership = classify(await session.schema(), config);
      return { document: documentOf(ownership), text: textOf(ownership, context.output.tableWidth) };
    } finally {
      await session.close();
    }
  },
});

function documentOf({ tables, unclassified, unknown }: Ownership): Record<string, unknown> {
  return {
    tables: tables.map(({ name, ownership, path, reason }) => ({
      name,
      ownership,
      path,
      ...(reason === undefined ? {} : { reason }),
    })),
    unclassified,
    unknown,
  };
}

const order = ['unclassified', 'direct', 'inherited', 'declared', 'shared', 'excluded'] as const;

function textOf({ tables, unclassified, unknown }: Ownership, width: number): string {
  const sorted = [...tables].sort(
    (a, b) => order.indexOf(a.ownership) - order.indexOf(b.ownership) || a.name.localeCompare(b.name),
  );
  const columns = [{ title: 'table' }, { title: 'ownership' }, { title: 'path to the tenant, or why not' }];
  const rows = sorted.map(({ name, ownership, path, reason }) => [
    name,
    ownership,
    path.length > 0 ? path.join(', ') : (reason ?? ''),
  ]);
  const summary =
    unclassified.length === 0
      ? `${tables.length} tables, every one classified.`
      : `${tables.length} tables, ${unclassified.length} unclassified: ${unclassified.map(printable).join(', ')}.\n` +
        'No plan can be made until the config says whose rows they hold; tenant-dr init proposes it.';
  const known = tables.map(({ name }) => name);
  const named = (name: string) => {
    const meant = nearestHint(name, known);
    return printable(meant ? `${name} (${meant})` : name);
  };
  const idle =
    unknown.length === 0
      ? ''
      : `\nThe config has rules for tables that are not here: ${unknown.map(named).join(', ')}.`;
  return `${textTable(columns, rows, width)}\n\n${summary}${idle}`;
}
