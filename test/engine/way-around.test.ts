import { expect, test } from 'vitest';
import type { Conflict } from '../../src/engine/plan.ts';
import { wayAround } from '../../src/engine/way-around.ts';

const plan = {
  tenant: { id: { type: 'integer' as const, text: '7' } },
  tables: [
    { name: 'results', mode: 'exact' as const },
    { name: 'logs', mode: 'missing' as const },
    { name: 'views', mode: 'keep' as const },
  ],
};

function ways(conflict: Pick<Conflict, 'kind' | 'table' | 'other'>, tables?: string[]): string {
  const blocking: Conflict[] = [{ key: '[1]', detail: '', blocking: true, ...conflict }];
  return wayAround(blocking, { ...plan, request: { mode: 'exact', tables }, conflicts: blocking });
}

test('records that the config keeps, of rows an exact restore deletes, may be let go', () => {
  const kept = ways({ kind: 'inbound-reference', table: 'logs', other: { table: 'results', key: '[1]' } });
  expect(kept).toContain('Rows of logs, which the config keeps: `restore: exact`');
  const further = ways({ kind: 'inbound-reference', table: 'views', other: { table: 'results' } });
  expect(further).not.toContain('restore: exact');
});

test('tables that --tables left out are named, where the chosen ones refer to them', () => {
  const missing = { kind: 'reference-missing' as const, table: 'results', other: { table: 'views' } };
  expect(ways(missing, ['results'])).toContain('--tables with views too');
  expect(ways(missing, ['results'])).not.toContain("nobody's");
  expect(ways(missing)).toContain("nobody's by their own keys");
  expect(ways(missing)).not.toContain('--tables with');
});

test("only another tenant's rows that refer to moved ones are a reason to set these back by hand", () => {
  const referring = (tenant: string): string => {
    const inbound: Conflict = {
      kind: 'inbound-reference',
      table: 'logs',
      key: '[1]',
      other: { table: 'results', key: '[5]', tenant },
      detail: '',
      blocking: true,
    };
    const moved: Conflict = {
      kind: 'key-of-another-tenant',
      table: 'results',
      key: '[5]',
      other: { tenant: '8' },
      detail: '',
      blocking: false,
    };
    return wayAround([inbound], { ...plan, request: { mode: 'exact' }, conflicts: [inbound, moved] });
  };
  expect(referring('8')).toContain('set their tenant back by hand');
  expect(referring('7')).not.toContain('set their tenant back by hand');
});
