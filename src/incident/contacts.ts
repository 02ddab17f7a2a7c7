import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { explain } from '../config/explain.ts';
import { duration } from '../config/schema.ts';
import { own } from '../engine/own.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';
import type { Audience, TenantRef } from './facts.ts';

/**
 * Who is told, in a file outside the database: the database may be what was lost. Addresses are free text (an
 * e-mail, a channel, a number); they go into message files and deliveries, never into the journal.
 */
const contactsSchema = z.strictObject({
  /** How messages end: a team and how to reach it. */
  signature: z.string().optional(),
  /** Where the public looks; named in messages to tenants. */
  statusPage: z.string().optional(),
  internal: z.array(z.string()).default([]),
  /** By slug or id. */
  tenants: z.record(z.string(), z.array(z.string())).default({}),
  /** How often an update is promised, by tier; null promises none. */
  updateEvery: z
    .strictObject({
      enterprise: duration.nullable().optional(),
      pro: duration.nullable().optional(),
      starter: duration.nullable().optional(),
      free: duration.nullable().optional(),
    })
    .default({}),
});

export type Contacts = z.output<typeof contactsSchema>;

export const noContacts: Contacts = contactsSchema.parse({});

/** Rejects with file-missing or config-invalid. */
export async function loadContacts(path: string): Promise<Contacts> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new TenantDrError('file-missing', `The contacts cannot be read: ${reasonOf(cause)}.`, {
      hint: 'Correct "contacts:" in the config, or take it out: messages then leave their recipients open.',
      cause,
    });
  }
  return parseContacts(text, path);
}

/** Throws config-invalid naming what is wrong; `name` is what complaints call the file. */
export function parseContacts(text: string, name: string): Contacts {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new TenantDrError('config-invalid', `${name} is not YAML: ${reasonOf(cause)}`, {
      hint: 'Correct that line; nothing was done.',
      cause,
    });
  }
  const checked = contactsSchema.safeParse(value ?? {});
  if (checked.success) return checked.data;
  const complaints = explain(contactsSchema, checked.error);
  throw new TenantDrError(
    'config-invalid',
    complaints.map(({ message }) => `${name}: ${message}`).join('\n'),
    {
      hint: complaints.find(({ hint }) => hint)?.hint ?? 'Correct the file; nothing was done.',
    },
  );
}

/** Whom a message to this audience goes to. The status page has readers, not recipients. */
export function recipientsOf(contacts: Contacts, audience: Audience, tenants: TenantRef[]): string[] {
  if (audience === 'internal') return contacts.internal;
  if (audience === 'status-page') return contacts.statusPage ? [contacts.statusPage] : [];
  return tenants.flatMap(
    (tenant) => own(contacts.tenants, tenant.slug) ?? own(contacts.tenants, tenant.id.text) ?? [],
  );
}
