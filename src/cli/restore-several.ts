import type { PlanOptions, Workbench } from '../actions/change.ts';
import { failuresSaid, unknownOf } from '../actions/many-failures.ts';
import { printable } from '../engine/printable.ts';
import type { FoundTenant } from '../engine/tenants.ts';
import { TenantDrError } from '../errors.ts';
import type { Result } from './command.ts';
import type { Given } from './commands/restore.ts';
import type { Context } from './context.ts';
import { textTable } from './format.ts';
import { runOneStep } from './one-step.ts';
import { revivalText } from './planning.ts';
import { firstNotBegun, type OneResult, resultsOf } from './several-results.ts';

/** Several tenants in one incident. One that fails does not stop the others: exit 6, and the result lists both. */
export async function restoreSeveral(
  context: Context,
  bench: Workbench,
  tenants: FoundTenant[],
  options: PlanOptions,
  given: Given,
  onHandOver: () => void,
): Promise<Result> {
  const [{ restoreMany }, { manyOptions, phraseFor }, { refInFull }] = await Promise.all([
    import('../actions/restore-many.ts'),
    import('../actions/many-input.ts'),
    import('../backups/refs.ts'),
  ]);
  const { identity } = bench.ground.session;
  const phrase = phraseFor(tenants, identity.name);
  const stakes = (): Promise<string> => stakesText(context, bench, tenants, manyOptions(options), given.from);
  await context.confirm({ phrase, given: given.confirm, stakes });
  await bench.backup.confirmed;
  onHandOver();
  const { incident, output, error } = await runOneStep(context, bench.deps.config, {
    kind: 'restore',
    title: `Restore ${tenants.length} tenants`,
    action: restoreMany,
    input: {
      from: refInFull(bench.backup),
      tenants: tenants.map(({ id }) => id),
      mode: options.mode,
      ...(options.tables ? { tables: options.tables } : {}),
      ...(options.review ? { review: options.review } : {}),
      ...(options.withShared ? { withShared: true } : {}),
      ...(given.foreignSource === undefined ? {} : { foreignSource: given.foreignSource }),
      ...(given.disableTriggers ? { disableTriggers: true } : {}),
    },
    tenant: null,
    tenants,
    identity,
    phrase,
    held: { bench },
    ...(given.detected ? { detectedAt: given.detected } : {}),
    ...(given.damaged ? { damagedAt: given.damaged } : {}),
  });
  const ended = severalEnded(incident, output, context.output.tableWidth);
  if (!ended) throw error ?? new TenantDrError('internal', `Incident ${incident} ended without results.`);
  return ended;
}

/** What would be done to each tenant, for the person who is to confirm it. */
async function stakesText(
  { output, signal }: Context,
  bench: Workbench,
  tenants: FoundTenant[],
  options: PlanOptions,
  from: string,
): Promise<string> {
  const { planMany } = await import('../actions/many-plans.ts');
  const plans = await planMany(bench, tenants, options, { signal, progress: bench.deps.progress });
  const { name, location } = bench.ground.session.identity;
  const environment = printable(bench.deps.config.environment);
  const rows = plans.tenants.map((one) => {
    const { slug, name: called, tier } = one.tenant;
    const counts =
      'effects' in one
        ? [one.effects.insert, one.effects.update, one.effects.delete].map(String)
        : ['', '', ''];
    const what =
      'refusal' in one
        ? `left out: ${one.refusal}`
        : one.waits
          ? `after the others, because now: ${one.waits}`
          : '';
    return [slug, called ?? '', tier, ...counts, what];
  });
  return [
    `${tenants.length} tenants in ${printable(name)} (${environment}), from ${printable(from)}, mode ${options.mode}:`,
    '',
    textTable(planColumns, rows, output.tableWidth),
    '',
    `Together ${plans.sum.insert} rows added, ${plans.sum.update} changed back, ${plans.sum.delete} deleted.`,
    ...plans.revivals.map(revivalText),
    `This writes to ${printable(location)} (${environment}). Each gets a safety copy and a transaction of its own.`,
  ].join('\n');
}

const right = (title: string) => ({ title, align: 'right' as const });

const planColumns = [
  { title: 'tenant' },
  { title: 'name' },
  { title: 'tier' },
  right('add'),
  right('change'),
  right('delete'),
  { title: '' },
];

/** What came of every tenant, also of those that were done before an interruption. Null for what has no such list. */
export function severalEnded(incident: string, output: unknown, width: number): Result | null {
  const results = resultsOf(output);
  if (!results) return null;
  const document = { incident, results };
  const text = severalText(incident, results, width);
  const said = failuresSaid(results);
  if (said === null) return { document, text };
  const unknown = unknownOf(results).length > 0;
  const failure = new TenantDrError(unknown ? 'outcome-unknown' : 'some-failed', said, {
    hint:
      firstNotBegun(output)?.error?.hint ??
      (unknown
        ? `\`tenant-dr resume ${incident}\` asks the server; assume nothing until then.`
        : `Their reasons are in the result; run restore again for them, or \`tenant-dr report ${incident}\`.`),
    facts: { changed: results.some(({ error }) => !error) || (unknown ? null : false) },
  });
  return { document, text, failure };
}

function severalText(incident: string, results: OneResult[], width: number): string {
  const sum = (result: OneResult, kind: 'insert' | 'update' | 'delete'): string =>
    String((result.tables ?? []).reduce((total, table) => total + table[kind], 0));
  const rows = results.map((result) =>
    result.error
      ? [
          printable(result.tenant.slug),
          result.begun === false ? 'not begun' : unknownOf([result]).length > 0 ? 'not known' : 'failed',
          '',
          '',
          '',
          printable(result.error.message),
        ]
      : [
          printable(result.tenant.slug),
          'restored',
          sum(result, 'insert'),
          sum(result, 'update'),
          sum(result, 'delete'),
          '',
        ],
  );
  const columns = [
    { title: 'tenant' },
    { title: 'outcome' },
    right('added'),
    right('changed'),
    right('deleted'),
    { title: 'why' },
  ];
  const back = results.some(({ error }) => !error)
    ? ` Take one back with \`tenant-dr undo ${incident} --tenant <tenant>\`.`
    : '';
  return [textTable(columns, rows, width), '', ...proofLines(results), `Incident ${incident}.${back}`].join(
    '\n',
  );
}

/** More would hide what came of the tenants; the report has them all. */
const fewNotes = 8;

/** What was proved, and what the proof does not cover: what several have in common is said once. */
function proofLines(results: OneResult[]): string[] {
  const proofs = results.flatMap(({ isolation }) => isolation ?? []);
  const [first] = proofs;
  if (!first) return [];
  const written = proofs.reduce((sum, { otherRowsWritten }) => sum + otherRowsWritten, 0);
  const notes = [...new Set(proofs.flatMap((proof) => proof.notes))];
  const more = notes.length - fewNotes;
  return [
    `These restores wrote no row of another tenant: ${written} rows written (${first.method}).`,
    ...notes.slice(0, fewNotes).map((note) => `  ${printable(note)}`),
    ...(more > 0 ? [`  … ${more} more notes: the report has them.`] : []),
  ];
}
