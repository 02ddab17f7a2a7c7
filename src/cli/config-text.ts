import { isAbsolute, relative } from 'node:path';
import { stringify } from 'yaml';
import type { TableRule, TenantColumns } from '../config/schema.ts';
import { printable } from '../engine/printable.ts';
import type { TableProposal } from '../engine/proposal.ts';

/** What the written config says; a person reads it before anything depends on it. */
export interface ConfigProposal {
  /** As the config will hold it: no password. */
  database: string | undefined;
  backups: string | undefined;
  /** Only where it was named: its usual place needs no entry. */
  state: string | undefined;
  tenants: TenantColumns;
  /** Both status words were seen in the database. */
  statusSure: boolean;
  ownershipColumns: string[];
  tables: TableProposal[];
  auditLog: { table: string; at: string; what: string } | undefined;
}

/** The config file as text: every table stands in it, as an entry or as a comment. */
export function configText(proposal: ConfigProposal): string {
  const { tables } = proposal;
  const toReview = tables.filter((table) => table.review).length;
  return [
    '# tenant-dr: which rows belong to which tenant, and what a restore may do with them.',
    '# Written from the structure of the database. Read it through before you rely on it;',
    `# ${toReview === 0 ? 'nothing here is a guess' : `${toReview} ${toReview === 1 ? 'line is a guess' : 'lines are guesses'}, marked "review"`}. Passwords do not belong here: use PGPASSWORD or ~/.pgpass.`,
    '',
    entry('database', proposal.database, 'sqlite:./data/admin.db'),
    '# environment: production',
    entry('backups', proposal.backups, './backups'),
    ...(proposal.state === undefined ? [] : [entry('state', proposal.state, '')]),
    '',
    ...tenantLines(proposal),
    '',
    'ownership:',
    `  columns: ${flow(proposal.ownershipColumns)}`,
    '  tables:',
    ...(tables.some((table) => table.rule) ? [] : ['    {}']),
    ...tables.flatMap(tableLines),
    ...(proposal.auditLog
      ? [
          '',
          '# Where the application says what happened: shown around the damage time.',
          `auditLog: ${flow(proposal.auditLog)}`,
        ]
      : []),
    '',
  ].join('\n');
}

function tenantLines({ tenants, statusSure }: ConfigProposal): string[] {
  const lines = ['tenants:', `  table: ${flow(tenants.table)}`, `  id: ${flow(tenants.id)}`];
  if (tenants.name) lines.push(`  name: ${flow(tenants.name)}`);
  if (tenants.slug) lines.push(`  slug: ${flow(tenants.slug)}`);
  lines.push(
    tenants.status
      ? `  status: ${flow(tenants.status)}${statusSure ? '' : ' # review: the words for active and suspended'}`
      : '  # no status column found: let hooks suspend and reactivate a tenant, or skip those steps and do it by hand',
    tenants.tier ? `  tier: ${flow(tenants.tier)}` : '  # no tier column found: every tenant counts as free',
  );
  if (tenants.search.length > 0) lines.push(`  search: ${flow(tenants.search)}`);
  return lines;
}

function tableLines({ name, ownership, rule, why, review }: TableProposal): string[] {
  const note = printable(why);
  if (rule === null) return [`    # ${printable(name)}: ${ownership}${note === '' ? '' : `, ${note}`}`];
  const comment = review ? `review: ${note}` : note;
  return [`    ${key(name)}: ${ruleText(rule)}${comment === '' ? '' : ` # ${comment}`}`];
}

function ruleText(rule: TableRule): string {
  return flow(rule);
}

function entry(name: string, value: string | undefined, example: string): string {
  return value === undefined ? `# ${name}: ${example}` : `${name}: ${flow(value)}`;
}

/** A value on one line, quoted where YAML needs it. */
function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, defaultStringType: 'PLAIN' }).trimEnd();
}

function key(name: string): string {
  // Never longer than one line: a name with a line break is written in double quotes.
  return /^[\w.-]+$/.test(name) && !/^\d/.test(name) ? name : JSON.stringify(name);
}

/** A path as the config should hold it: relative when it lies beside or below the file. */
export function pathInConfig(path: string, folder: string): string {
  const short = relative(folder, path);
  return isAbsolute(short) || short.startsWith('..') ? path : `./${short}`;
}
