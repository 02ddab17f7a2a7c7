import { createHash } from 'node:crypto';
import type { Action } from '../actions/action.ts';
import { actions as registry } from '../actions/registry.ts';
import { nearestOf } from '../config/explain.ts';
import { placeholders, unknownPlaceholders } from './placeholders.ts';
import type { Body, Runbook, Step, Task } from './runbook.ts';
import { effectOf } from './runbook.ts';
import { type RunbookFile, runbookSchema } from './schema.ts';
import { type Finding, findingsOf, invalid, type Path, parseYaml, type YamlFile } from './yaml.ts';

type StepFile = RunbookFile['steps'][number];
type TaskFile = NonNullable<StepFile['steps']>[number];
type BodyFile = Pick<StepFile, 'uses' | 'with' | 'run' | 'checklist'>;

export interface LoadOptions {
  origin?: Runbook['origin'];
  actions?: readonly Action[];
}

/** Reads a runbook's text. Throws `runbook-invalid` naming every finding with its line. */
export function parseRunbook(text: string, name: string, options: LoadOptions = {}): Runbook {
  const file = parseYaml(text, name);
  const parsed = runbookSchema.safeParse(file.value);
  if (!parsed.success) throw invalid(name, findingsOf(runbookSchema, parsed.error, file));
  const findings: Finding[] = [];
  const resolve = new Resolver(file, options.actions ?? registry, findings);
  const steps = parsed.data.steps.map((step, index) => resolve.step(step, ['steps', index]));
  if (findings.length > 0) throw invalid(name, findings);
  return {
    id: parsed.data.id,
    title: parsed.data.title,
    source: parsed.data.source,
    symptoms: parsed.data.symptoms,
    impact: parsed.data.impact,
    steps: markUsable(steps, parsed.data.steps),
    text,
    hash: createHash('sha256').update(text).digest('hex'),
    origin: options.origin ?? 'own',
  };
}

/** Finds each action and checks its input, so that a typo stops a runbook before an incident begins. */
class Resolver {
  readonly #file: YamlFile;
  readonly #actions: readonly Action[];
  readonly #findings: Finding[];

  constructor(file: YamlFile, actions: readonly Action[], findings: Finding[]) {
    this.#file = file;
    this.#actions = actions;
    this.#findings = findings;
  }

  step(step: StepFile, at: Path): Step {
    const parts = step.steps ?? [{ ...step, when: undefined, gate: undefined, steps: undefined }];
    return {
      id: step.id,
      title: step.title,
      estimateSeconds: step.estimate,
      why: step.why,
      usable: step.usable ?? false,
      success: step.success ?? [],
      ifItFails: step.ifItFails ?? [],
      tasks: parts.map((task, index) => this.#task(task, step, step.steps ? [...at, 'steps', index] : at)),
    };
  }

  #task(task: TaskFile, step: StepFile, at: Path): Task {
    const body = this.#body(task, at);
    const wanted = task.confirm ?? step.confirm ?? (effectOf(body) === 'write' ? 'ask' : 'none');
    return {
      id: task.id,
      title: task.title,
      why: task.why,
      body,
      confirm: effectOf(body) === 'destroy' ? 'typed' : wanted,
      when: [step.when, task.when].filter((condition) => condition !== undefined),
      gate: [...(step.gate ?? []), ...(task.gate ?? [])],
      rollback: task.rollback
        ? {
            title: task.rollback.title ?? `Roll back: ${task.title}`,
            body: this.#body(task.rollback, [...at, 'rollback']),
          }
        : null,
      autoSkip: reasonToSkip(task) ?? reasonToSkip(step),
      success: task.success ?? [],
      ifItFails: task.ifItFails ?? [],
    };
  }

  #body(body: BodyFile, at: Path): Body {
    if (body.run) return { kind: 'run', spec: body.run };
    if (body.checklist) return { kind: 'checklist', items: body.checklist };
    const id = body.uses ?? '';
    const action = this.#actions.find((one) => one.id === id);
    const input = body.with ?? {};
    if (!action) {
      const known = this.#actions.map((one) => one.id);
      const near = nearestOf(id, known);
      const hint = near ? `did you mean ${near}?` : `there are ${known.join(', ')}`;
      this.#find([...at, 'uses'], `there is no action "${id}": ${hint}`);
      return { kind: 'checklist', items: [] };
    }
    const checked = action.input.safeParse(input);
    if (!checked.success) {
      for (const finding of findingsOf(action.input, checked.error, this.#within([...at, 'with']))) {
        this.#findings.push({ ...finding, message: `with, input of ${action.id}: ${finding.message}` });
      }
    }
    // What nothing will ever fill in would be taken for a name.
    for (const name of unknownPlaceholders(input)) {
      const near = nearestOf(name, placeholders);
      const known = placeholders.map((one) => `{${one}}`).join(', ');
      this.#find(
        [...at, 'with'],
        `nothing fills in {${name}}: ${near ? `did you mean {${near}}?` : `there are ${known}`}`,
      );
    }
    return { kind: 'action', action, input };
  }

  #within(base: Path): YamlFile {
    return { value: this.#file.value, lineOf: (inner) => this.#file.lineOf([...base, ...inner]) };
  }

  #find(at: Path, message: string): void {
    this.#findings.push({ line: this.#file.lineOf(at), message });
  }
}

function reasonToSkip(task: Pick<StepFile, 'auto' | 'reason'>): string | null {
  if (task.auto === undefined) return null;
  return task.auto === 'skip' ? (task.reason ?? null) : task.auto.skip;
}

/** Without a word from the file the tenant is usable after the last step that reactivates. */
function markUsable(steps: Step[], written: StepFile[]): Step[] {
  if (written.some((step) => step.usable !== undefined)) return steps;
  const last = steps.findLastIndex((step) =>
    step.tasks.some((task) => task.body.kind === 'action' && task.body.action.id === 'reactivate'),
  );
  return steps.map((step, index) => ({ ...step, usable: index === last }));
}
