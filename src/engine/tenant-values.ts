import type { TenantColumns } from '../config/schema.ts';
import { plain, usualColumn } from './conventions.ts';
import type { Session } from './port.ts';
import type { Table } from './schema.ts';

const statusColumns = [
  'status',
  'state',
  'account_status',
  'lifecycle',
  'active',
  'is_active',
  'enabled',
  'suspended',
  'is_suspended',
  'disabled',
];
const tierColumns = [
  'tier',
  'plan',
  'plan_tier',
  'plan_name',
  'subscription_tier',
  'subscription_plan',
  'subscription',
  'level',
  'package',
  'edition',
];
const tierJsonColumns = ['settings', 'config', 'metadata', 'preferences', 'options', 'data', 'features'];
const tierJsonPaths = ['$.tier', '$.plan', '$.subscription.tier', '$.subscription.plan', '$.plan.tier'];

type Reader = Pick<Session, 'tenants'>;
export type StatusGuess = NonNullable<TenantColumns['status']> & { sure: boolean };
export type TierGuess = NonNullable<TenantColumns['tier']>;

/** The column whose values are tiers: the candidate that names a tier for most tenants. */
export async function guessTier(
  session: Reader,
  table: Table,
  columns: TenantColumns,
): Promise<TierGuess | undefined> {
  const plain = present(table, tierColumns).map((column): TierGuess => ({ column }));
  const json = present(table, tierJsonColumns).flatMap((column) =>
    tierJsonPaths.map((path): TierGuess => ({ column, json: path })),
  );
  let best: { tier: TierGuess; known: number } | undefined;
  for (const tier of [...plain, ...json]) {
    const tenants = await session.tenants({ ...columns, tier });
    // A tier that is absent reads as free: only what is named counts.
    const known = tenants.filter(
      (tenant) => tenant.unknownTier === undefined && tenant.tier !== 'free',
    ).length;
    if (known > (best?.known ?? 0)) best = { tier, known };
  }
  return best?.tier ?? plain[0];
}

const activeWords = /^(active|enabled|live|ok|normal|open)$/i;
const suspendedWords = /^(suspended|suspend|disabled|inactive|paused|blocked|locked|deactivated|on_hold)$/i;

/** The status column with the words for active and suspended that are in use; `sure` when both were seen. */
export async function guessStatus(
  session: Reader,
  table: Table,
  columns: TenantColumns,
): Promise<StatusGuess | undefined> {
  const column = present(table, statusColumns).find((name) => !isPartOfAddress(table, name));
  if (column === undefined) return undefined;
  const status = { column, active: 'active', suspended: 'suspended' };
  const tenants = await session.tenants({ ...columns, status });
  const words = commonestFirst(tenants.flatMap((tenant) => tenant.status ?? []));
  const flag = flagGuess(column, table, words);
  if (flag) return flag;
  // What the numbers stand for only the application knows.
  if (words.length === 0 ? /int|numeric/i.test(typeOf(table, column)) : words.every(isNumber))
    return undefined;
  const active = words.find((word) => activeWords.test(word));
  const suspended = words.find((word) => suspendedWords.test(word));
  return {
    column,
    active: active ?? 'active',
    suspended: suspended ?? inCaseOf(active, 'suspended'),
    sure: active !== undefined && suspended !== undefined,
  };
}

/** A state beside a city or a country is where the tenant lives. */
function isPartOfAddress(table: Table, column: string): boolean {
  const beside = usualColumn(table, ['city', 'country', 'zip', 'zip_code', 'postal_code', 'postcode']);
  return plain(column) === 'state' && beside !== undefined;
}

/** `is_active` 1/0 or true/false; `suspended` the other way round. */
function flagGuess(column: string, table: Table, words: string[]): StatusGuess | undefined {
  if (!words.every((word) => /^(0|1|t|f|true|false)$/i.test(word))) return undefined;
  const type = typeOf(table, column);
  const named = /active|enabled|suspended|disabled/i.test(column);
  if (words.length === 0 && !(named && /bool|int/i.test(type))) return undefined;
  const digits = words.some((word) => /^[01]$/.test(word)) || (words.length === 0 && !/bool/i.test(type));
  const [yes, no] = digits ? [1, 0] : [true, false];
  // A status of 0 and 1 does not say which is which: most tenants are active.
  const inverted = named ? /suspended|disabled/i.test(column) : /^(0|f|false)$/i.test(words[0] ?? '');
  return { column, active: inverted ? no : yes, suspended: inverted ? yes : no, sure: named };
}

function typeOf(table: Table, column: string): string {
  return table.columns.find((one) => one.name === column)?.type ?? '';
}

function isNumber(word: string): boolean {
  return /^-?\d+$/.test(word);
}

function commonestFirst(words: string[]): string[] {
  const groups = [...Map.groupBy(words, (word) => word)];
  return groups.sort(([, a], [, b]) => b.length - a.length).map(([word]) => word);
}

/** SUSPENDED where the database says ACTIVE. */
function inCaseOf(example: string | undefined, word: string): string {
  if (example === undefined || example === example.toLowerCase()) return word;
  return example === example.toUpperCase()
    ? word.toUpperCase()
    : word.charAt(0).toUpperCase() + word.slice(1);
}

function present(table: Table, usual: readonly string[]): string[] {
  return usual.flatMap((name) => usualColumn(table, [name]) ?? []);
}
