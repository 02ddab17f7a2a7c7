import type { Config } from '../config/schema.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { Audience, MessageKind } from '../incident/facts.ts';
import type { Incident } from '../incident/incident.ts';
import { type Draft, writeMessage } from '../incident/messages.ts';
import type { RunMode } from '../incident/mode.ts';

export interface Delivery {
  incident: Incident;
  config: Config;
  mode: RunMode;
  draft: Draft;
}

/**
 * Keeps the message in the incident's folder and, in a live incident with `deliver:` configured, hands it over.
 * Rejects with `tool-failed` when that fails; the file is there then and the journal does not say sent.
 */
export async function deliverMessage({
  incident,
  config,
  mode,
  draft,
}: Delivery): Promise<'sent' | 'written'> {
  const { id: message, audience, kind, nextUpdateDueAt } = draft;
  if (!incident.state.messages.some((one) => one.id === message)) {
    const edited = draft.edited ? { edited: true } : {};
    await incident.append({ event: 'message.drafted', message, audience, kind, ...edited });
  }
  const file = await writeMessage(incident, draft);
  const facts = { message, audience, kind, file, nextUpdateDueAt };
  if (mode !== 'live' || !config.deliver) {
    await incident.append({ event: 'message.written', ...facts });
    return 'written';
  }
  const via = await handOver(config.deliver, incident.id, draft);
  await incident.append({ event: 'message.sent', ...facts, via });
  return 'sent';
}

/** Settles a message that will not be sent. */
export async function waiveMessage(
  incident: Incident,
  { audience, kind, reason }: { audience: Audience; kind: MessageKind; reason: string },
): Promise<void> {
  await incident.append({ event: 'message.waived', audience, kind, reason });
}

const webhookSeconds = 30;

/** The text goes through stdin or the request's body, never through an argument list. Returns how it went out. */
async function handOver(
  deliver: NonNullable<Config['deliver']>,
  incident: string,
  draft: Draft,
): Promise<string> {
  const { audience, kind, to, subject, body } = draft;
  const text = JSON.stringify({ incident, audience, kind, to, subject, body });
  try {
    if ('command' in deliver) {
      const [program = '', ...rest] = deliver.command;
      const { execa } = await import('execa');
      await execa(program, rest, { input: text, timeout: deliver.timeout * 1000, forceKillAfterDelay: 2000 });
      return `command ${program}`;
    }
    const response = await fetch(deliver.webhook, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
      signal: AbortSignal.timeout(webhookSeconds * 1000),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the webhook answered ${response.status}`);
    return 'webhook';
  } catch (cause) {
    throw new TenantDrError('tool-failed', `The message could not be delivered: ${shortReason(cause)}.`, {
      hint: `It is written in the incident's folder as ${draft.id}.txt: send it by hand, or correct deliver: and try again.`,
      cause,
    });
  }
}

/** Without what the program printed or was given: both may hold addresses. */
function shortReason(cause: unknown): string {
  if (cause instanceof Error && 'exitCode' in cause && cause.exitCode !== undefined)
    return `exit code ${cause.exitCode}`;
  if (cause instanceof Error && 'timedOut' in cause && cause.timedOut) return 'it did not end in time';
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return 'the program is not there';
  return reasonOf(cause);
}
