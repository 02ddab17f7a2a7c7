import { type Contacts, loadContacts, noContacts } from '../incident/contacts.ts';
import { audience, messageKind } from '../incident/facts.ts';
import {
  checkEdited,
  type Draft,
  draftMessage,
  editableText,
  owedMessages,
  withEdited,
} from '../incident/messages.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction } from './action.ts';
import { deliverMessage, waiveMessage } from './deliver.ts';
import { unlessBack } from './operator.ts';

type Owed = { audience: z.output<typeof audience>; kind: z.output<typeof messageKind> };
const settled = z.object({
  audience,
  kind: messageKind,
  state: z.enum(['sent', 'written', 'waived', 'later']),
});

/** Settles every message that is still owed: sent, written, or waived with a reason. */
export const messages = defineAction({
  id: 'messages',
  title: 'Write the messages',
  description:
    'Drafts the messages that are still owed from what the journal shows. Each is sent through `deliver:`, written to the incident’s folder, or waived with a reason. Without a person they are sent where delivery is configured and otherwise written and closed as "written, not sent".',
  byHand:
    'Write to the contacts kept outside the database: what happened, from when to when data was lost, what was restored, what they should check.',
  effect: 'write',
  input: z.strictObject({
    only: z
      .array(z.strictObject({ audience, kind: messageKind }))
      .optional()
      .describe('Just these, as far as they are owed; default: all that are owed'),
  }),
  output: z.object({ messages: z.array(settled) }),
  afterInterruption: 'probe',
  says: ({ messages: settledNow }) => settledNow.map((one) => `${one.kind} ${one.state}`).join(', '),
  inDryRun: 'preview',
  commands: () => [
    '# write to the contacts named in contacts.yaml: what happened, which period was lost, that it is over',
  ],

  async preview(context, input) {
    const owed = owedNow(context, input.only);
    const how =
      context.config.deliver && context.mode === 'live'
        ? 'sent'
        : 'written to the incident’s folder, not sent';
    return {
      summary: owed.length === 0 ? 'No message is owed.' : `${owed.length} messages will be ${how}.`,
      lines: owed.map((one) => `${one.kind} for ${one.audience}`),
      commands: [],
    };
  },

  async run(context, input) {
    const contacts = await contactsOf(context);
    const done: z.output<typeof settled>[] = [];
    for (const one of owedNow(context, input.only)) {
      const draft = draftMessage(context.incident.state, contacts, {
        ...one,
        now: context.clock.now().getTime(),
      });
      done.push({ ...one, state: await settle(context, draft) });
    }
    return { messages: done };
  },

  /** What is journaled as settled is not owed any more, so going on repeats nothing; only a hand-over may be unknown. */
  async probe(context) {
    const open = context.incident.state.messages.find((one) => one.state === 'drafted');
    if (!open || !context.config.deliver || context.mode !== 'live') {
      return { found: 'not-done', detail: 'The messages that are still owed are written now.' };
    }
    return {
      found: 'unknown',
      detail: `${open.kind} for ${open.audience} was being handed over: it may have gone out.`,
    };
  },
});

function owedNow(context: ActionContext, only: Owed[] | undefined): Owed[] {
  const owed = owedMessages(context.incident.state);
  if (!only) return owed;
  return owed.filter((one) =>
    only.some((other) => other.audience === one.audience && other.kind === one.kind),
  );
}

async function contactsOf(context: ActionContext): Promise<Contacts> {
  return context.config.contacts ? loadContacts(context.config.contacts) : noContacts;
}

async function settle(context: ActionContext, draft: Draft): Promise<z.output<typeof settled>['state']> {
  const { incident, config, mode, signal } = context;
  const delivers = mode === 'live' && config.deliver !== undefined;
  const answer = await context.operator.choose(
    {
      id: `messages.${draft.audience}.${draft.kind}`,
      kind: 'choose',
      title: draft.subject,
      detail: [
        `To: ${draft.to.length > 0 ? draft.to.join(', ') : 'nobody is named in the contacts'}`,
        ...draft.unproven.map((claim) => `Not proved: ${claim}`),
        ...draft.body.split('\n'),
      ],
      options: [
        {
          value: 'deliver',
          label: delivers ? 'Send it' : 'Write it out',
          detail: delivers ? '' : 'nothing delivers it from here',
        },
        { value: 'edit', label: 'Edit it', detail: 'change the words first' },
        { value: 'later', label: 'Later', detail: 'it stays owed' },
        { value: 'waive', label: 'Do without', detail: 'needs a reason' },
      ],
      unattended: {
        answer: 'deliver',
        why: delivers ? 'delivery is configured' : 'written, not sent: no delivery is configured',
      },
    },
    signal,
  );
  if (answer === 'later') return 'later';
  if (answer === 'edit') return settle(context, await edited(context, draft));
  if (answer === 'waive') {
    const reason = await unlessBack(
      context.operator.reason(
        {
          id: 'messages.reason',
          kind: 'reason',
          title: 'Why is this message not sent?',
          detail: [draft.subject],
          mayGoBack: true,
        },
        signal,
      ),
    );
    if (reason === null) return settle(context, draft);
    await waiveMessage(incident, { audience: draft.audience, kind: draft.kind, reason });
    return 'waived';
  }
  const state = await deliverMessage({ incident, config, mode, draft });
  context.output(`${draft.kind} for ${draft.audience}: ${state === 'sent' ? 'sent' : 'written, not sent'}`);
  return state;
}

/** As the person wants it; as it was when they go back. */
async function edited(context: ActionContext, draft: Draft): Promise<Draft> {
  const text = await unlessBack(
    context.operator.edit(
      {
        id: `messages.${draft.audience}.${draft.kind}.text`,
        kind: 'edit',
        title: `The message to ${draft.to.join(', ') || draft.audience}`,
        detail: [],
        text: editableText(draft),
        check: checkEdited,
        mayGoBack: true,
      },
      context.signal,
    ),
  );
  return text === null ? draft : withEdited(draft, text);
}
