import type { Operator } from '../actions/operator.ts';
import { printable } from '../engine/printable.ts';
import { TenantDrError } from '../errors.ts';

/**
 * The operator of a run without a person. The phrase given by `--confirm` answers every typed confirmation it
 * matches; everything else has an unattended answer of its own or stops the run.
 */
export function absentOperator(confirm: string | undefined): Operator {
  const nobody = async (question: { title: string }): Promise<never> => {
    throw new TenantDrError('confirmation-refused', `Nobody is here to answer: ${question.title}`, {
      hint: 'The incident is kept. Go on at a terminal with `tenant-dr resume`.',
    });
  };
  return {
    attended: false,
    beforehand: confirm !== undefined,
    choose: nobody,
    ask: nobody,
    reason: nobody,
    edit: nobody,
    checklist: nobody,
    review: nobody,
    confirm: async (question) => {
      if (confirm !== undefined) return confirm;
      throw new TenantDrError(
        'confirmation-refused',
        `"${question.title}" needs a confirmation and nobody is here to type it.`,
        {
          hint: `Nothing was changed by this step. Give --confirm '${printable(question.phrase)}', or go on at a terminal with \`tenant-dr resume\`.`,
          facts: { phrase: question.phrase },
        },
      );
    },
  };
}
