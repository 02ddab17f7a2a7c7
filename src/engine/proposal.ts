import type { ConfigFile, TableRule } from '../config/schema.ts';
import { usualColumn } from './conventions.ts';
import {
  type GuessedKey,
  guessKeys,
  keyBesideColumn,
  namesSeveral,
  ownedIn,
  people,
  rulesOf,
} from './guessed-keys.ts';
import type { OwnershipKind, TableOwnership } from './ownership.ts';
import { classify } from './ownership.ts';
import type { Schema, Table } from './schema.ts';

/** What `init` would write about one table. */
export interface TableProposal {
  name: string;
  ownership: OwnershipKind;
  /** The entry for ownership.tables; null when the structure already says everything. */
  rule: TableRule | null;
  /** Why, in a few words. */
  why: string;
  /** A guess that decides what a restore does to the rows: a person must look. */
  review: boolean;
}

/**
 * A class for every table: what the structure says stays; what reaches no tenant gets a guess marked for
 * review. Owned tables whose rows must not simply go back in time get `restore:` or `review:` (design section 4).
 */
export function proposeTables(
  schema: Schema,
  tenants: ConfigFile['tenants'],
  columns: string[],
): TableProposal[] {
  const keys = guessKeys(schema, tenants, columns);
  const ownership = classify(schema, { tenants, ownership: { columns, tables: rulesOf(keys) } });
  const owned = ownedIn(ownership.tables).filter((name) => name !== tenants.table);
  return ownership.tables.map((entry) => {
    const table = schema.tables.find((one) => one.name === entry.name) as Table;
    const key = keys.get(entry.name) ?? keyBesideColumn(table, entry, owned);
    if (key) return { name: entry.name, ownership: 'declared', review: true, ...cautiously(table, key) };
    if (entry.ownership === 'unclassified') return unreached(table, entry);
    if (!entry.membership || entry.membership.via === 'identity') return settled(entry);
    return { ...settled(entry), ...cautionFor(table), ...heldRecord(table, entry) };
  });
}

/**
 * Records that are a part of a row which an exact restore may delete: kept, they stand in its way. Both are right for
 * some application.
 */
function heldRecord(table: Table, { membership }: TableOwnership): Partial<TableProposal> {
  const { rule } = cautionFor(table);
  if (membership?.via !== 'links' || typeof rule !== 'object' || rule?.restore !== 'missing') return {};
  const filled = (name: string): boolean =>
    table.columns.some((column) => column.name === name && column.notNull);
  const holder = membership.links.find(({ columns }) => columns.every(filled))?.parent;
  if (holder === undefined || people.test(holder)) return {};
  return {
    review: true,
    why: `only missing rows come back, and newer ones stop mode exact where it would delete their ${holder}; to let them go with it, write: restore: exact`,
  };
}

/** The rule of a guessed key together with what the rows themselves call for. */
function cautiously(table: Table, { rule, why }: GuessedKey): GuessedKey {
  const caution = cautionFor(table).rule;
  return { rule: typeof caution === 'object' ? { ...rule, ...caution } : rule, why };
}

function settled(entry: TableOwnership): TableProposal {
  const why = entry.path.length > 0 ? entry.path.join(', ') : (entry.reason ?? '');
  return { name: entry.name, ownership: entry.ownership, rule: null, why, review: false };
}

const bookkeeping =
  /^(_?prisma_migrations|schema_?migrations|.*migrations?|alembic_version|flyway_schema_history|ar_internal_metadata|schema_version|.*_lock)$/i;

function unreached(table: Table, entry: TableOwnership): TableProposal {
  const base = { name: table.name, review: true };
  if (table.kind === 'virtual') {
    return {
      ...base,
      ownership: 'excluded',
      rule: { exclude: 'virtual table: rows of its own are not restored' },
      why: entry.reason ?? '',
    };
  }
  if (table.kind === 'elsewhere') {
    return {
      ...base,
      ownership: 'excluded',
      rule: { exclude: 'in another schema: restored by hand' },
      why: entry.reason ?? '',
    };
  }
  if (table.kind === 'foreign') {
    return {
      ...base,
      ownership: 'excluded',
      rule: { exclude: 'foreign table: its rows live in another database' },
      why: 'foreign table',
    };
  }
  if (namesSeveral(entry)) {
    return {
      ...base,
      ownership: 'excluded',
      rule: { exclude: 'between tenants: restored by hand' },
      why: entry.reason ?? '',
    };
  }
  if (bookkeeping.test(table.name)) {
    return {
      ...base,
      ownership: 'shared',
      rule: 'shared',
      why: "the application's own bookkeeping",
      review: false,
    };
  }
  return { ...base, ownership: 'shared', rule: 'shared', why: 'no key leads to a tenant' };
}

/** Told by the last word: audit_events and order_log are records, audit_messages may be what the product is about. */
const record =
  /(^|_)(logs?|trails?|history|histories|audits?|activity|activities)$|(^|_)(audit|activity|security|access)_(events?|entries|records?)$/i;
const credentials =
  /(^|_)((api|access|secret|signing|service|encryption)_?keys?|tokens?|credentials?|secrets?|passwords?|password_resets?|oauth|sso|saml|mfa|totp|webauthn|passkeys?|invitations?|invites?|certificates?)(_|$)/i;
const queue =
  /(^|_)(jobs?|queues?|outbox|tasks?|scheduled|pending|deliver(y|ies)|notifications?|reminders?|sessions?)(_|$)/i;
const billing =
  /(^|_)(invoices?|payments?|subscriptions?|charges?|refunds?|payouts?|billing|credits?|ledger|transactions?)(_|$)/i;

/** `restore:` and `review:` for rows that should not simply go back in time, told by the table's name. */
function cautionFor(table: Table): Partial<TableProposal> {
  const name = table.name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_');
  if (record.test(name))
    return { rule: { restore: 'missing' }, why: 'a record of what happened: only missing rows come back' };
  if (credentials.test(name)) return reviewed('credentials', 'revoked since? asked before they come back');
  if (/(^|_)sessions?$/i.test(name)) {
    const login = usualColumn(table, ['token', 'token_hash', 'session_token', 'refresh_token']) !== undefined;
    return login
      ? reviewed('credentials', 'ended logins must not come back')
      : reviewed('queue', 'ended sessions must not come back');
  }
  if (billing.test(name)) return reviewed('billing', 'money may have moved since');
  if (
    queue.test(name) &&
    usualColumn(table, [
      'status',
      'state',
      'run_at',
      'scheduled_at',
      'attempts',
      'processed_at',
      'sent_at',
    ]) !== undefined
  ) {
    return reviewed('queue', 'unfinished work would run again');
  }
  if (people.test(name)) return reviewed('credentials', 'people removed since would get in again');
  return {};
}

function reviewed(kind: 'credentials' | 'queue' | 'billing', why: string): Partial<TableProposal> {
  return { rule: { review: kind }, why };
}

/** Columns a customer can be found by from a complaint: e-mail addresses of tenants and of the people in them. */
export function guessSearch(schema: Schema, tenants: ConfigFile['tenants'], columns: string[]): string[] {
  const { tables } = classify(schema, { tenants, ownership: { columns, tables: {} } });
  return tables
    .filter(({ membership, name }) => membership && (membership.via === 'identity' || people.test(name)))
    .flatMap(({ name }) => {
      const table = schema.tables.find((one) => one.name === name);
      const mails = table?.columns.filter((column) => /e?mail(_address)?$/i.test(column.name)) ?? [];
      return mails.map((column) => `${name}.${column.name}`);
    });
}

/** The application's own log of what happened, with its time and its kind of event. */
export function guessAuditLog(
  schema: Schema,
  tables: TableProposal[],
): { table: string; at: string; what: string } | undefined {
  for (const { name, rule } of tables) {
    const table = schema.tables.find((one) => one.name === name);
    if (!table || rule === null || rule === 'shared' || rule.restore !== 'missing') continue;
    const at = usualColumn(table, [
      'created_at',
      'occurred_at',
      'at',
      'timestamp',
      'time',
      'logged_at',
      'inserted_at',
    ]);
    const what = usualColumn(table, [
      'type',
      'event',
      'event_type',
      'action',
      'kind',
      'operation',
      'what',
      'name',
    ]);
    if (at !== undefined && what !== undefined) return { table: name, at, what };
  }
  return undefined;
}
