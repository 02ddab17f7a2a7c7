import { TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';
import { actor, time } from './facts.ts';
import { payloads } from './payloads.ts';

/** The journal's entries as types, and the door every line comes in by. The list of events is in payloads.ts. */

export type EventName = keyof typeof payloads;
export const eventNames = Object.keys(payloads) as EventName[];

/** zod types an object without keys so that nothing may stand beside it. */
type Fields<Payload> = Payload extends Record<string, never> ? object : Payload;

/** What a caller hands to `append`: fields with a default may be left out. */
export type IncidentEvent = {
  [Name in EventName]: { event: Name } & Fields<z.input<(typeof payloads)[Name]>>;
}[EventName];

const envelope = z.object({
  seq: z.number().int().positive(),
  at: time,
  actor,
  fence: z.number().int().nonnegative(),
  event: z.string(),
  /** sha256 of the bytes of the line before, without its newline. */
  prev: z.string(),
});

type Envelope = Omit<z.infer<typeof envelope>, 'event'>;

/** Envelope and payload in one, so that a long journal is checked in one go a line. */
const lines = new Map(
  Object.entries(payloads).map(([name, payload]) => [
    name,
    z.object({ ...envelope.shape, ...payload.shape }),
  ]),
);

export type EntryOf<Name extends EventName> = Name extends EventName
  ? Envelope & { event: Name } & Fields<z.output<(typeof payloads)[Name]>>
  : never;
/** One line of the journal. */
export type Entry = { [Name in EventName]: EntryOf<Name> }[EventName];

const named = z.object({ event: z.string() });

/** Checks one parsed line. Throws TenantDrError journal-damaged saying what is wrong, without a line number. */
export function parseEntry(value: unknown): Entry {
  const name = nameOf(value);
  const line = lines.get(name);
  if (!line) {
    throw new TenantDrError('journal-damaged', `holds an event this version does not know: "${name}"`, {
      hint: 'Open it with the version of tenant-dr that wrote it, or a newer one.',
    });
  }
  const checked = line.safeParse(value);
  if (!checked.success) throw invalid(checked.error);
  // the map pairs each name with its own payload, which a Map cannot say in types
  return checked.data as Entry;
}

function nameOf(value: unknown): string {
  const head = named.safeParse(value);
  if (!head.success) throw invalid(head.error);
  return head.data.event;
}

function invalid(error: z.ZodError): TenantDrError {
  const issue = error.issues[0];
  const where = issue?.path.join('.') || 'the line';
  return new TenantDrError(
    'journal-damaged',
    `is not a journal event: ${where}: ${issue?.message ?? 'invalid'}`,
  );
}
