import type { Config } from '../config/schema.ts';
import { loadContacts, noContacts } from '../incident/contacts.ts';
import type { Incident } from '../incident/incident.ts';
import { draftMessage, writeMessage } from '../incident/messages.ts';
import type { MessageDesk } from './screens/MessagesScreen.tsx';

/** Messages of one incident, as the screen offers them. Every outcome is in the journal. */
export function openMessageDesk(incident: Incident, config: Config, now: () => Date): MessageDesk {
  const record = async (draft: Awaited<ReturnType<MessageDesk['draft']>>): Promise<string> => {
    const { id, audience, kind, nextUpdateDueAt } = draft;
    await incident.append({ event: 'message.drafted', message: id, audience, kind });
    const file = await writeMessage(incident, draft);
    await incident.append({ event: 'message.written', message: id, audience, kind, file, nextUpdateDueAt });
    return incident.path(file);
  };
  return {
    draft: async (kind, audience) => {
      const contacts = config.contacts ? await loadContacts(config.contacts) : noContacts;
      return draftMessage(incident.state, contacts, { audience, kind, now: now().getTime() });
    },
    send: null,
    write: record,
    waive: async (kind, audience, reason) => {
      await incident.append({ event: 'message.waived', audience, kind, reason });
    },
  };
}
