import type {
  AskQuestion,
  ChecklistQuestion,
  ChooseQuestion,
  ConfirmQuestion,
  EditQuestion,
  Operator,
  PlanQuestion,
  Question,
  ReasonQuestion,
} from '../../src/actions/operator.ts';
import { WentBack, wholePlan } from '../../src/actions/operator.ts';

/** An answer that goes back instead. */
export const goBack = '(back)';

type Answers = Record<string, string | (string | null)[] | null>;

/** An operator who answers by question id; several answers are given in order. Asked anything else, it fails the test. */
export class ScriptedOperator implements Operator {
  readonly attended = true;
  readonly asked: Question[] = [];
  readonly #answers: Map<string, (string | null)[]>;

  constructor(answers: Answers) {
    this.#answers = new Map(
      Object.entries(answers).map(([id, answer]) => [id, Array.isArray(answer) ? [...answer] : [answer]]),
    );
  }

  /** One more answer to a question that is asked again. */
  later(id: string, answer: string): void {
    this.#answers.set(id, [...(this.#answers.get(id) ?? []), answer]);
  }

  choose = async (question: ChooseQuestion) => this.#text(question);
  ask = async (question: AskQuestion) => this.#text(question);
  reason = async (question: ReasonQuestion) => this.#text(question);
  edit = async (question: EditQuestion) => this.#text(question);
  confirm = async (question: ConfirmQuestion) => this.#next(question);
  checklist = async (question: ChecklistQuestion) => (this.#next(question) === 'done' ? 'done' : null);
  review = async (question: PlanQuestion) => {
    if (this.#answers.has(question.id)) this.#next(question);
    else this.asked.push(question);
    return wholePlan;
  };

  #text(question: Question): string {
    const answer = this.#next(question);
    if (answer === null) throw new Error(`"${question.id}" takes text`);
    return answer;
  }

  #next(question: Question): string | null {
    this.asked.push(question);
    const left = this.#answers.get(question.id);
    const answer = left?.shift();
    if (answer === undefined)
      throw new Error(`nobody told the operator what to answer to "${question.id}": ${question.title}`);
    if (answer === goBack) {
      if (!question.mayGoBack) throw new Error(`"${question.id}" offers no way back`);
      throw new WentBack();
    }
    if (left?.length === 0 && question.kind === 'confirm') left.push(answer);
    return answer;
  }
}
