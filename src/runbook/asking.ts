import { stopped } from '../actions/action.ts';
import type {
  AskQuestion,
  ChecklistQuestion,
  ChooseQuestion,
  Confirming,
  ConfirmQuestion,
  EditQuestion,
  Operator,
  PlanQuestion,
  PlanReview,
  Question,
  ReasonQuestion,
} from '../actions/operator.ts';
import { wholePlan } from '../actions/operator.ts';
import { isPhrase } from '../actions/phrase.ts';
import { printable } from '../engine/printable.ts';
import { TenantDrError } from '../errors.ts';
import { planReview } from '../incident/facts.ts';
import type { Incident } from '../incident/incident.ts';
import type { IncidentState } from '../incident/records.ts';
import type { ViewStore } from './view.ts';

/**
 * The operator as actions and runner see it: every question shows in the view, every answer is in the journal
 * before it has an effect, and where nobody is there the question's own unattended answer counts.
 */
export class JournaledOperator implements Confirming {
  readonly attended: boolean;
  readonly beforehand: boolean;
  readonly #person: Operator;
  readonly #incident: Incident;
  readonly #view: ViewStore;
  /** How many questions a person was shown. */
  posed = 0;

  constructor(person: Operator, incident: Incident, view: ViewStore) {
    this.attended = person.attended;
    this.beforehand = person.beforehand === true;
    this.#person = person;
    this.#incident = incident;
    this.#view = view;
  }

  async choose(question: ChooseQuestion, signal: AbortSignal): Promise<string> {
    const own = this.#unattended(question);
    const answer = own ?? (await this.#pose(question, signal, () => this.#person.choose(question, signal)));
    const option = question.options.find((one) => one.value === answer);
    if (!option || option.disabled) {
      throw new TenantDrError(
        'usage',
        `"${answer}" is no answer to "${question.title}"${option ? `: ${option.disabled}` : '.'}`,
        {
          hint: `There are: ${question.options.map((one) => one.value).join(', ')}.`,
        },
      );
    }
    await this.#answered(question, answer, own !== null);
    return answer;
  }

  async ask(question: AskQuestion, signal: AbortSignal): Promise<string> {
    const own = this.#unattended(question);
    const answer = own ?? (await this.#pose(question, signal, () => this.#person.ask(question, signal)));
    await this.#answered(question, answer, own !== null);
    return answer;
  }

  async reason(question: ReasonQuestion, signal: AbortSignal): Promise<string> {
    const own = this.#unattended(question);
    const answer = own ?? (await this.#pose(question, signal, () => this.#person.reason(question, signal)));
    if (answer.trim() === '') {
      throw new TenantDrError('usage', `"${question.title}" needs a reason.`, {
        hint: 'Say why in a few words.',
      });
    }
    await this.#incident.append({ event: 'reason', what: question.id, text: answer });
    return answer;
  }

  edit(question: EditQuestion, signal: AbortSignal): Promise<string> {
    return this.#pose(question, signal, () => this.#person.edit(question, signal));
  }

  /** True only for the exact phrase (promise 5). Asks again after a mistake; false when the person goes back. */
  async confirmed(question: ConfirmQuestion, signal: AbortSignal): Promise<boolean> {
    for (
      let next = question;
      ;
      next = { ...question, detail: [...question.detail, 'That was not the phrase. Nothing was changed.'] }
    ) {
      const typed = await this.confirm(next, signal);
      if (typed === null) return false;
      if (isPhrase(typed, question.phrase)) break;
      const { step, task } = this.#place();
      const text = 'A confirmation did not match the phrase and was refused.';
      await this.#incident.append({ event: 'task.note', step, task, text });
      if (!this.attended) throw refusedPhrase(question.phrase);
    }
    await this.#incident.append({
      event: 'confirmed',
      // What begins with the task and a colon counts as consent to the task itself.
      what: `${this.#place().task}${question.aside ? ', besides' : ''}: ${question.title}`,
      phrase: question.aside ? 'database' : 'slug',
      by: this.attended ? 'typed' : 'flag',
    });
    return true;
  }

  confirm(question: ConfirmQuestion, signal: AbortSignal): Promise<string | null> {
    return this.#pose(question, signal, () => this.#person.confirm(question, signal));
  }

  async checklist(question: ChecklistQuestion, signal: AbortSignal): Promise<'done' | null> {
    const answer = await this.#pose(question, signal, () => this.#person.checklist(question, signal));
    if (answer) await this.#answered(question, answer, false);
    return answer;
  }

  async review(question: PlanQuestion, signal: AbortSignal): Promise<PlanReview> {
    if (!this.attended) return this.#reviewedBefore(question);
    const answer = await this.#pose(question, signal, () => this.#person.review(question, signal));
    await this.#answered(question, { mode: question.mode, ...answer }, false);
    return answer;
  }

  /** What a person left out of the plan in this mode; nothing when nobody looked it through. */
  async #reviewedBefore(question: PlanQuestion): Promise<PlanReview> {
    const { success, data } = planReview.safeParse(this.#answeredBefore(question)?.answer);
    if (!success || data.mode !== question.mode) return wholePlan;
    await this.#answered(question, data, true);
    return data;
  }

  /** The latest answer a person gave to this question at this place, where it stands for the incident. */
  #answeredBefore({ id, stands }: Question): IncidentState['answers'][number] | undefined {
    const { task } = this.#place();
    const { answers } = this.#incident.state;
    return stands && answers.findLast((one) => one.question === id && one.task === task && !one.auto);
  }

  #unattended(question: Question): string | null {
    if (this.attended) return null;
    const before = this.#answeredBefore(question);
    if (typeof before?.answer === 'string') return before.answer;
    if (question.unattended) return question.unattended.answer;
    throw new TenantDrError('confirmation-refused', `Nobody is here to answer: ${question.title}`, {
      hint: 'The incident is kept. Go on at a terminal with `tenant-dr resume`.',
      facts: { question: question.id },
    });
  }

  /** Shows the question while it waits. The signal ends the wait even where the person's side does not listen. */
  async #pose<T>(question: Question, signal: AbortSignal, answer: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw stopped();
    const stop = Promise.withResolvers<never>();
    const onAbort = () => stop.reject(stopped());
    signal.addEventListener('abort', onAbort, { once: true });
    const before = this.#view.view().phase;
    this.posed += 1;
    this.#view.set({ question, phase: 'asking' });
    try {
      return await Promise.race([answer(), stop.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#view.set({ question: null, phase: before });
    }
  }

  async #answered(question: Question, answer: unknown, auto: boolean): Promise<void> {
    await this.#incident.append({
      event: 'operator.answered',
      ...this.#place(),
      question: question.id,
      kind: question.kind,
      answer,
      ...(auto ? { auto, why: this.#whyByItself(question) } : {}),
    });
  }

  #whyByItself(question: Question): string | undefined {
    const before = this.#answeredBefore(question);
    return before ? `${before.actor.name} chose it at ${before.at}` : question.unattended?.why;
  }

  #place(): { step: string; task: string } {
    const { step, task } = this.#view.view();
    return { step: step ?? '', task: task ?? '' };
  }
}

function refusedPhrase(phrase: string): TenantDrError {
  return new TenantDrError(
    'confirmation-refused',
    'The confirmation phrase does not match. Nothing was changed by this step.',
    {
      hint: `Expected exactly: --confirm '${printable(phrase)}'. Go on with \`tenant-dr resume\`.`,
    },
  );
}
