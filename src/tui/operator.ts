import { type Operator, type PlanReview, type Question, WentBack } from '../actions/operator.ts';
import { TenantDrError } from '../errors.ts';
import { createStore, type Store } from './store.ts';

/** A question that waits for the person at the screen. */
export interface Asked {
  /** Different for every question, even when the same one is asked again. */
  number: number;
  question: Question;
  answer: (value: unknown) => void;
  /** Null where the question must be answered. */
  back: (() => void) | null;
}

/** The person at the screen: a question is shown, and its promise waits for the answer. */
export interface ScreenOperator extends Operator {
  readonly asked: Store<Asked | null>;
}

/** Answers have the type their question promises; each screen gives only that. */
export function createOperator(): ScreenOperator {
  const asked = createStore<Asked | null>(null);
  let number = 0;
  const ask = <T>(question: Question, signal: AbortSignal): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const mine: Asked = {
      number: ++number,
      question,
      answer: (value) => finish(() => resolve(value as T)),
      back: question.mayGoBack ? () => finish(() => reject(new WentBack())) : null,
    };
    const leave = (): void => finish(() => reject(left()));
    const finish = (settle: () => void): void => {
      signal.removeEventListener('abort', leave);
      asked.flush((current) => (current === mine ? null : current));
      settle();
    };
    if (signal.aborted) reject(left());
    else {
      signal.addEventListener('abort', leave, { once: true });
      asked.flush(() => mine);
    }
    return promise;
  };
  return {
    asked,
    attended: true,
    choose: (question, signal) => ask<string>(question, signal),
    ask: (question, signal) => ask<string>(question, signal),
    reason: (question, signal) => ask<string>(question, signal),
    edit: (question, signal) => ask<string>(question, signal),
    confirm: (question, signal) => ask<string | null>(question, signal),
    checklist: (question, signal) => ask<'done' | null>(question, signal),
    review: (question, signal) => ask<PlanReview>(question, signal),
  };
}

function left(): TenantDrError {
  return new TenantDrError('interrupted', 'The operator left at a safe point.', {
    hint: 'Go on with `tenant-dr resume`.',
  });
}
