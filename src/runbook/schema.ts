import { effects } from '../actions/action.ts';
import { duration } from '../config/schema.ts';
import { runModes } from '../incident/mode.ts';
import { tiers } from '../policy/tiers.ts';
import { z } from '../zod.ts';

/** A runbook file, as a person writes it (design section 5). `runbook schema` exports it for editors. */

const id = z
  .string()
  .regex(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    'an id is small letters, digits and single hyphens, such as verify-scope',
  );
const sentence = z.string().trim().min(1);
/** One sentence or several. */
const sentences = z.union([sentence.transform((one) => [one]), z.array(sentence).min(1)]);

const argumentList = z.array(z.string().min(1)).min(1);

/** A command: an argument list, or one text for a shell that is asked for. */
const commandSchema = z.union([
  argumentList.transform((command) => ({
    command,
    shell: false as const,
    timeout: 600,
    effect: 'write' as const,
    afterInterruption: 'ask' as const,
    onCopy: false,
  })),
  z.strictObject({
    command: argumentList.describe('The program and its arguments; no shell takes part'),
    shell: z.literal(false).default(false),
    timeout: duration.default(600).describe('After this long the command is ended and the step has failed'),
    effect: z.enum(effects).default('write').describe('destroy forces the typed confirmation'),
    afterInterruption: z.enum(['rerun', 'ask']).default('ask'),
    onCopy: z.boolean().default(false).describe('May also run in a rehearsal'),
  }),
  z.strictObject({
    command: sentence.describe('One line for the shell. Facts of the incident come as TENANT_DR_… variables'),
    shell: z.literal(true),
    timeout: duration.default(600),
    effect: z.enum(effects).default('write'),
    afterInterruption: z.enum(['rerun', 'ask']).default('ask'),
    onCopy: z.boolean().default(false),
  }),
]);
export type CommandSpec = z.output<typeof commandSchema>;

const bodyFields = {
  uses: z.string().optional().describe('Id of an action; `runbook print --actions` lists them'),
  with: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Input of the action; {incident}, {tenant.id} and {tenant.slug} in its texts are filled in'),
  run: commandSchema.optional().describe('A command'),
  checklist: z.array(sentence).min(1).optional().describe('Work a person does and ticks off'),
};

const conditionSchema = z
  .strictObject({
    tier: z.array(z.enum(tiers)).min(1).optional(),
    environment: z.array(z.string()).min(1).optional(),
    mode: z.array(z.enum(runModes)).min(1).optional(),
    configured: z
      .array(z.enum(['health', 'checks', 'auditLog', 'contacts', 'deliver', 'hooks', 'mirror']))
      .min(1)
      .optional()
      .describe('Keys the configuration must have'),
  })
  .describe('The step is left out unless everything here holds');
export type Condition = z.output<typeof conditionSchema>;

/** What a run without a person does here: leave it out, with a reason that is journaled. */
const autoSchema = z
  .union([z.strictObject({ skip: sentence }), z.literal('skip')])
  .describe(
    'Left out in a run without a person: `auto: { skip: <reason> }`, or `auto: skip` beside `reason:`',
  );

const taskFields = {
  id,
  title: sentence,
  ...bodyFields,
  confirm: z
    .enum(['typed', 'ask', 'none'])
    .optional()
    .describe('A destructive step is always confirmed by typing'),
  when: conditionSchema.optional(),
  gate: z
    .array(id)
    .min(1)
    .optional()
    .describe('Steps that must be done, not skipped, before this one starts'),
  rollback: z
    .strictObject({ title: sentence.optional(), ...bodyFields })
    .optional()
    .describe('Offered when the step failed'),
  auto: autoSchema.optional(),
  reason: sentence.optional().describe('Why `auto: skip`'),
  approve: z.unknown().optional().describe('Reserved: approval by another person'),
  success: sentences.optional().describe('What it looks like when it worked'),
  ifItFails: sentences.optional().describe('What to do when it did not'),
};

const taskSchema = z
  .strictObject({ ...taskFields, why: sentence.optional() })
  .superRefine(oneBody)
  .superRefine(readable);

const stepSchema = z
  .strictObject({
    ...taskFields,
    estimate: duration.describe('The budget: 5m, 1h'),
    why: sentence,
    steps: z.array(taskSchema).min(1).optional().describe('The parts of a step that does several things'),
    usable: z
      .boolean()
      .optional()
      .describe(
        'The tenant can work again after this step: RTO ends here. Default: the step that reactivates',
      ),
  })
  .superRefine(oneBody)
  .superRefine(readable);

export const runbookSchema = z
  .strictObject({
    id,
    title: sentence,
    source: sentence.optional().describe('Where the procedure comes from'),
    symptoms: z.array(sentence).min(1),
    impact: z.array(sentence).min(1),
    steps: z.array(stepSchema).min(1),
  })
  .superRefine(uniqueIds);

export type RunbookFile = z.output<typeof runbookSchema>;
type StepFile = RunbookFile['steps'][number];

type Issues = z.RefinementCtx;
type Body = { uses?: unknown; run?: unknown; checklist?: unknown; steps?: unknown; with?: unknown };

function bodiesOf(step: Body): string[] {
  return (['uses', 'run', 'checklist', 'steps'] as const).filter((key) => step[key] !== undefined);
}

function oneBody(step: Body & { rollback?: Body }, issues: Issues): void {
  const bodies = bodiesOf(step);
  if (bodies.length !== 1) {
    const found = bodies.length === 0 ? 'this one has none' : `this one has ${bodies.join(' and ')}`;
    issues.addIssue({
      code: 'custom',
      message: `a step has exactly one of uses, run and checklist; ${found}`,
    });
  }
  if (step.with !== undefined && step.uses === undefined) {
    issues.addIssue({
      code: 'custom',
      path: ['with'],
      message: '"with" is the input of an action and needs "uses"',
    });
  }
  if (step.rollback && bodiesOf(step.rollback).length !== 1) {
    issues.addIssue({
      code: 'custom',
      path: ['rollback'],
      message: 'a rollback has exactly one of uses, run and checklist',
    });
  }
}

function readable(
  step: { approve?: unknown; auto?: unknown; reason?: unknown; steps?: unknown; rollback?: unknown },
  issues: Issues,
): void {
  if (step.steps !== undefined && step.rollback !== undefined) {
    issues.addIssue({
      code: 'custom',
      path: ['rollback'],
      message: 'a step with parts is rolled back part by part',
    });
  }
  if (step.approve !== undefined) {
    issues.addIssue({
      code: 'custom',
      path: ['approve'],
      message: 'this version cannot ask another person for approval, so it refuses the whole runbook',
    });
  }
  if (step.auto === 'skip' && step.reason === undefined) {
    issues.addIssue({
      code: 'custom',
      path: ['auto'],
      message: 'a step that is left out needs a reason: auto: { skip: <why> }',
    });
  }
  if (step.reason !== undefined && step.auto !== 'skip') {
    issues.addIssue({ code: 'custom', path: ['reason'], message: '"reason" goes with "auto: skip"' });
  }
}

/** A part may share its step's id only when it is the whole step; gates must name what comes before them. */
function uniqueIds(runbook: { steps: StepFile[] }, issues: Issues): void {
  const seen = new Set<string>();
  const claim = (name: string, path: (string | number)[]) => {
    if (seen.has(name))
      issues.addIssue({ code: 'custom', path: [...path, 'id'], message: `the id "${name}" is used twice` });
    seen.add(name);
  };
  const check = (gate: string[] | undefined, path: (string | number)[]) => {
    for (const [index, name] of (gate ?? []).entries()) {
      if (seen.has(name)) continue;
      issues.addIssue({
        code: 'custom',
        path: [...path, 'gate', index],
        message: `no earlier step is called "${name}"`,
      });
    }
  };
  for (const [index, step] of runbook.steps.entries()) {
    check(step.gate, ['steps', index]);
    for (const [part, task] of (step.steps ?? []).entries()) {
      check(task.gate, ['steps', index, 'steps', part]);
      claim(task.id, ['steps', index, 'steps', part]);
    }
    claim(step.id, ['steps', index]);
  }
}
