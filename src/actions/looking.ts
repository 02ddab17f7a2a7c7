import type { EntryOf } from '../incident/events.ts';
import type { IncidentState } from '../incident/records.ts';
import type { ActionContext } from './action.ts';

/** What it takes to look for a backup, in a run or before there is one. */
export interface Looking
  extends Pick<
    ActionContext,
    'config' | 'database' | 'mode' | 'signal' | 'progress' | 'output' | 'tenant' | 'note'
  > {
  readonly incident: {
    readonly state: Pick<IncidentState, 'taskNotes'> & {
      readonly opened: Pick<EntryOf<'incident.opened'>, 'damagedAt' | 'detectedAt'>;
    };
  };
}
