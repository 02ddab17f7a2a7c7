import type { Action } from '../actions/action.ts';
import { z } from '../zod.ts';
import { effectOf, type Runbook, type Step, type Task } from './runbook.ts';
import type { Condition } from './schema.ts';
import { commandsOf } from './start.ts';

/** A runbook as Markdown that a person can follow without the tool. */
export function printRunbook(runbook: Runbook): string {
  const total = runbook.steps.reduce((sum, step) => sum + step.estimateSeconds, 0);
  return [
    `# ${runbook.title}`,
    '',
    `\`${runbook.id}\`, about ${minutes(total)} in all.${runbook.source ? ` Source: ${runbook.source}` : ''}`,
    ...section('Symptoms', runbook.symptoms),
    ...section('Impact', runbook.impact),
    '',
    '## Before you start',
    '',
    '- `<tenant>` is the id or slug of the tenant, `<slug>` its slug, `<ref>` a backup from `tenant-dr backups`.',
    '- With the tool: `tenant-dr run ' +
      runbook.id +
      ' --tenant <tenant>` walks these steps and writes the record.',
    '- Note the time of every step: RTO counts from detection until the tenant can work again.',
    ...runbook.steps.flatMap((step, index) => stepLines(step, index + 1)),
    '',
  ].join('\n');
}

function stepLines(step: Step, number: number): string[] {
  const parts = step.tasks.length > 1 || step.tasks[0]?.id !== step.id;
  const lines = ['', `## ${number}. ${step.title} (${minutes(step.estimateSeconds)})`, '', step.why];
  if (step.usable) lines.push('', 'The tenant can work again after this step: RTO ends here.');
  for (const [index, task] of step.tasks.entries()) {
    if (parts)
      lines.push('', `### ${number}.${index + 1} ${task.title}`, ...(task.why ? ['', task.why] : []));
    lines.push(...taskLines(task));
  }
  lines.push(...labelled('Success', step.success), ...labelled('If it fails', step.ifItFails));
  return lines;
}

function taskLines(task: Task): string[] {
  const { body } = task;
  const lines: string[] = [];
  if (body.kind === 'action') lines.push('', body.action.description, '', `By hand: ${body.action.byHand}`);
  if (body.kind === 'checklist') lines.push('', ...body.items.map((item) => `- [ ] ${item}`));
  const commands = commandsOf(body);
  if (commands.length > 0) lines.push('', '```sh', ...commands, '```');
  const notes = [
    effectOf(body) === 'destroy' ? 'Destructive.' : null,
    task.confirm === 'typed' ? 'Confirm by typing the tenant’s slug exactly.' : null,
    task.gate.length > 0 ? `Only after ${task.gate.join(', ')} is done.` : null,
    ...task.when.map((condition) => `Only ${words(condition)}.`),
    task.autoSkip ? `Left out when nobody is there: ${task.autoSkip}.` : null,
    task.rollback ? `Way back: ${task.rollback.title}.` : null,
  ].filter((note) => note !== null);
  if (notes.length > 0) lines.push('', ...notes.map((note) => `- ${note}`));
  if (task.success.length > 0) lines.push(...labelled('Success', task.success));
  if (task.ifItFails.length > 0) lines.push(...labelled('If it fails', task.ifItFails));
  return lines;
}

function words(condition: Condition): string {
  return [
    condition.tier ? `for tier ${condition.tier.join(', ')}` : null,
    condition.environment ? `in ${condition.environment.join(', ')}` : null,
    condition.mode ? `in mode ${condition.mode.join(', ')}` : null,
    condition.configured ? `where ${condition.configured.join(', ')} is configured` : null,
  ]
    .filter((part) => part !== null)
    .join(' and ');
}

function labelled(label: string, lines: string[]): string[] {
  if (lines.length === 0) return [];
  return ['', `**${label}.** ${lines.map(sentence).join(' ')}`];
}

function sentence(line: string): string {
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

function section(title: string, items: string[]): string[] {
  return ['', `## ${title}`, '', ...items.map((item) => `- ${item}`)];
}

function minutes(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** The reference of actions, made from their declarations. */
export function printActions(actions: readonly Action[]): string {
  return [
    '# Actions',
    '',
    'What a step can use. Generated from the registry.',
    ...actions.flatMap(actionLines),
    '',
  ].join('\n');
}

const afterInterruption: Record<Action['afterInterruption'], string> = {
  rerun: 'run again',
  probe: 'found out from the database',
  ask: 'a person is asked',
};

function actionLines(action: Action): string[] {
  return [
    ...['', `## ${action.id}`, '', `${action.title}. ${action.description}`, ''],
    `- Effect: ${action.effect}${action.effect === 'destroy' ? ' (always confirmed by typing)' : ''}`,
    `- After an interruption: ${afterInterruption[action.afterInterruption]}`,
    ...table('Input', action.input),
    ...table('Output', action.output),
  ];
}

function table(title: string, schema: z.ZodType): string[] {
  const shape = z.toJSONSchema(schema, {
    io: title === 'Input' ? 'input' : 'output',
    unrepresentable: 'any',
  });
  const properties = Object.entries(shape.properties ?? {});
  if (properties.length === 0) return ['', `${title}: none.`];
  const rows = properties.map(([name, property]) => {
    const {
      type,
      enum: choices,
      description,
      default: fallback,
    } = typeof property === 'boolean' ? {} : property;
    const kind = choices ? choices.map(String).join(' or ') : String(type ?? 'any');
    const extra = fallback === undefined ? '' : ` Default ${JSON.stringify(fallback)}.`;
    return `| \`${name}\` | ${kind} | ${(description ?? '').replaceAll('|', '\\|')}${extra} |`;
  });
  return ['', `${title}:`, '', '| name | type | meaning |', '| --- | --- | --- |', ...rows];
}

/** JSON Schema of a runbook file, for editors. */
export function runbookJsonSchema(schema: z.ZodType): Record<string, unknown> {
  return {
    ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
    title: 'tenant-dr runbook',
  };
}
