import { durationWords, messageWords, spanWords, timeWords } from '../words.ts';
import type { Report, ReportRestore, ReportStep } from './report.ts';
import { integrityWords, outcomeWords, rpoWords, rtoWords, stepNote } from './sentences.ts';

/** A report laid out, before it is Markdown or HTML: the layouts differ in marks only, never in what is said. */

/** Plain text is escaped by whoever prints it. */
export type Inline = string | { code: string } | { strong: string } | { time: string };

export type Block =
  | { kind: 'alarm'; text: string }
  | { kind: 'heading'; text: string }
  | { kind: 'facts'; rows: [string, Inline[]][] }
  | { kind: 'list'; items: Inline[][] }
  /** `right`: columns of numbers. */
  | { kind: 'table'; head: string[]; right: number[]; rows: Inline[][][] }
  | { kind: 'chart' };

export function titleOf(report: Report): string {
  return `${report.title}: ${report.incident}`;
}

export function layOut(report: Report): Block[] {
  const { integrity } = report;
  return [
    ...(integrity.ok ? [] : [{ kind: 'alarm', text: integrityWords(integrity) } as const]),
    { kind: 'facts', rows: facts(report) },
    { kind: 'heading', text: 'Steps: estimate against actual' },
    stepTable(report.steps),
    { kind: 'chart' },
    ...report.restores.flatMap(restoreBlocks),
    ...list('Who confirmed what', report.confirmations, (one) => [
      { time: one.at },
      ': ',
      { strong: one.by },
      ` confirmed ${one.what} (${one.how === 'typed' ? `typed the ${one.phrase}` : 'by --confirm'})`,
    ]),
    ...list('Decisions and reasons', report.decisions, (one) => [
      { time: one.at },
      `: ${one.by}: ${[one.what, one.answer].filter((part) => part !== '').join(': ')}${inBrackets(one.reason)}`,
    ]),
    ...list('Verification', report.verifications, (one) => [
      { time: one.at },
      `: ${one.level}: `,
      { strong: one.ok ? 'passed' : 'FAILED' },
      `: ${one.checks.map((check) => `${check.name} ${check.ok ? 'ok' : 'FAILED'}`).join('; ') || 'no checks'}`,
    ]),
    ...list('Health', report.healthChecks, (one) => [
      { time: one.at },
      `: ${one.ok ? 'passed' : 'FAILED'}: ${one.detail}`,
    ]),
    ...list('Messages', report.messages, (one) => [
      { time: one.at },
      `: ${messageWords(one)}, ${one.state}${one.via ? ` by ${one.via}` : ''}${inBrackets(one.reason)} `,
      ...(one.file ? [{ code: one.file }] : []),
    ]),
    ...list('Notes', report.notes, (one) => [{ time: one.at }, `: ${one.by}: ${one.text}`]),
    ...list('Equivalent commands', report.commands, (one) => [`${one.step}: `, { code: one.command }]),
    { kind: 'heading', text: 'Timeline (UTC)' },
    {
      kind: 'table',
      head: ['time', 'who', 'what'],
      right: [],
      rows: report.timeline.map((one) => [[{ time: one.at }], [one.by], [one.text]]),
    },
  ];
}

function facts(report: Report): [string, Inline[]][] {
  const { times, database, runbook } = report;
  const when = (iso: string | null, otherwise: string): Inline[] => [iso ? { time: iso } : otherwise];
  const rows: [string, Inline[]][] = [
    ['Outcome', [{ strong: outcomeWords(report) }]],
    ['Tenants', [report.tenants.map((one) => `${one.name} (${one.slug}, ${one.tier})`).join('; ') || 'none']],
    ['Database', [`${database.name}, ${report.environment}: `, { code: database.location }]],
    ['Runbook', runbook ? [`${runbook.name} `, { code: runbook.hash.slice(0, 12) }] : ['none']],
    ['Operators', [report.operators.join(', ')]],
    ['Damaged', when(times.damagedAt, 'nobody said when; RPO is measured to the detection')],
    ['Detected', [{ time: times.detectedAt }]],
    ['Opened', [{ time: times.openedAt }]],
    ['Usable again', when(times.usableAt, 'no')],
    ['Closed', times.closedAt ? [{ time: times.closedAt }] : ['open, as of ', { time: times.lastAt }]],
    ['RTO', [{ strong: rtoWords(report) }]],
    ['RPO', [{ strong: rpoWords(report) }]],
    ['Journal', [integrityWords(report.integrity)]],
  ];
  if (report.of) rows.push(['Undoes', [report.of]]);
  if (times.clockSetBackSeconds > 0) {
    const span = spanWords(times.clockSetBackSeconds);
    rows.push(['Clock', [`set back by ${span} meanwhile; durations are corrected`]]);
  }
  return rows;
}

function stepTable(steps: ReportStep[]): Block {
  const rows = steps.map((step) => [
    [step.title],
    [step.state],
    [durationWords(step.estimateSeconds)],
    [step.seconds === null ? '' : durationWords(step.seconds)],
    [stepNote(step)],
  ]);
  return { kind: 'table', head: ['step', 'state', 'estimate', 'actual', ''], right: [2, 3], rows };
}

const restoreStates: Record<ReportRestore['state'], string> = {
  finished: 'committed',
  'rolled-back': 'rolled back: none of what follows was changed',
  intended: 'OUTCOME NOT KNOWN, to be probed',
  unknown: 'OUTCOME NOT KNOWN, to be probed',
};

function restoreBlocks(one: ReportRestore): Block[] {
  const { isolation, digest, total } = one;
  const items: Inline[][] = [
    [{ strong: restoreStates[one.state] }, `; mode ${one.mode}, from `, { code: one.from }],
    isolation
      ? [
          `isolation: ${isolation.method}; rows of other tenants written: `,
          { strong: String(isolation.otherRowsWritten) },
          `; tables guarded: ${isolation.tablesGuarded}`,
        ]
      : ['isolation: no proof recorded'],
    ...(isolation?.notes ?? []).map((note) => [`isolation, note: ${note}`]),
    ['digest before ', { code: digest.before }, ', planned ', { code: digest.planned }],
    digest.after ? ['digest after ', { code: digest.after }] : ['digest after: not read'],
    ...(one.failure ? [[`failure: ${one.failure}`]] : []),
  ];
  const numbers = (...values: number[]): Inline[][] => values.map((value) => [String(value)]);
  const rows = one.tables.map((row) => [
    [row.name],
    ...numbers(row.insert, row.update, row.delete, row.unchanged, row.losses),
  ]);
  const sum = [
    [{ strong: 'total' }],
    ...numbers(total.insert, total.update, total.delete),
    [''],
    ...numbers(total.losses),
  ];
  return [
    { kind: 'heading', text: `Restore of ${one.tenant}, ${timeWords(one.at)}` },
    { kind: 'list', items },
    {
      kind: 'table',
      head: ['table', 'added', 'changed back', 'deleted', 'unchanged', 'lost'],
      right: [1, 2, 3, 4, 5],
      rows: [...rows, sum],
    },
  ];
}

function list<Item>(title: string, items: Item[], line: (item: Item) => Inline[]): Block[] {
  if (items.length === 0) return [];
  return [
    { kind: 'heading', text: title },
    { kind: 'list', items: items.map(line) },
  ];
}

function inBrackets(text: string | null): string {
  return text ? ` (${text})` : '';
}
