import { deliverMessage, waiveMessage } from '../actions/deliver.ts';
import type { Config } from '../config/schema.ts';
import { loadContacts, noContacts } from '../incident/contacts.ts';
import type { Incident } from '../incident/incident.ts';
import { draftMessage } from '../incident/messages.ts';
import type { MessageDesk } from './screens/MessagesScreen.tsx';

/** Messages of one incident, as the screen offers them. Every outcome is in the journal. */
export function openMessageDesk(incident: Incident, config: Config, now: () => Date): MessageDesk {
  const { mode } = incident.state.opened;
  const sends = mode === 'live' && config.deliver !== undefined;
  return {
    draft: async (kind, audience) => {
      const contacts = config.contacts ? await loadContacts(config.contacts) : noContacts;
      return draftMessage(incident.state, contacts, { audience, kind, now: now().getTime() });
    },
    send: sends
      ? async (draft) => {
          await deliverMessage({ incident, config, mode, draft });
          return 'Sent.';
        }
      : null,
    write: async (draft) => {
      await deliverMessage({ incident, config: { ...config, deliver: undefined }, mode, draft });
      return incident.path('messages', `${draft.id}.txt`);
    },
    waive: (kind, audience, reason) => waiveMessage(incident, { audience, kind, reason }),
  };
}
