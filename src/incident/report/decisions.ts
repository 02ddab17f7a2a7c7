import type { IncidentState } from '../records.ts';
import { answerWords } from '../words.ts';
import type { Report } from './report.ts';

/** Answers, choices and reasons in the order they were given. */
export function decisionsOf(state: IncidentState): Report['decisions'] {
  const answers = state.answers.map(({ at, actor, question, answer, auto, why }) => ({
    at,
    by: auto ? 'nobody (unattended)' : actor.name,
    what: question,
    answer: answerWords(answer),
    reason: why ?? null,
  }));
  const choices = state.choices.map(({ at, actor, what, answer, reason }) => ({
    at,
    by: actor.name,
    what,
    answer,
    reason: reason ?? null,
  }));
  const reasons = state.reasons.map(({ at, by, what, text }) => ({
    at,
    by: by.name,
    what,
    answer: '',
    reason: text,
  }));
  return [...answers, ...choices, ...reasons].toSorted((a, b) => a.at.localeCompare(b.at));
}
