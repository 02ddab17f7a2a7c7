import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { shownDatabase } from '../../config/database-url.ts';
import { parseConfig } from '../../config/file.ts';
import { configFileName, loadConfig } from '../../config/load.ts';
import type { Config, TableRule, TenantColumns } from '../../config/schema.ts';
import { configSchema } from '../../config/schema.ts';
import { guessTenants } from '../../engine/conventions.ts';
import { writeDurably } from '../../engine/durable.ts';
import { classify } from '../../engine/ownership.ts';
import type { Session } from '../../engine/port.ts';
import { printable } from '../../engine/printable.ts';
import { guessAuditLog, guessSearch, proposeTables } from '../../engine/proposal.ts';
import type { Schema, Table } from '../../engine/schema.ts';
import { guessStatus, guessTier } from '../../engine/tenant-values.ts';
import { TenantDrError } from '../../errors.ts';
import { command } from '../command.ts';
import type { ConfigProposal } from '../config-text.ts';
import { configText, pathInConfig } from '../config-text.ts';
import type { Context } from '../context.ts';
import { textTable } from '../format.ts';
import { flag, text } from '../parameters.ts';

export default command({
  effect: 'write',
  options: {
    force: flag('replace a config that is already there'),
    tenantsTable: text('name', 'the table with one row per tenant, where its name does not tell'),
  },
  examples: [
    'tenant-dr init --database ./data/admin.db',
    'tenant-dr init --database postgres://alice@db/chatbot',
  ],
  async run(context, { force, tenantsTable }) {
    const path = resolve(context.cwd, context.flags.config ?? configFileName);
    if (existsSync(path) && !force) throw alreadyThere(path);
    const config = await loadConfig({
      flags: context.flags,
      env: context.env,
      cwd: context.cwd,
      file: 'ignore',
    });
    const database = await context.openDatabase(config);
    const session = await database.open({ mode: 'read' });
    try {
      const schema = await session.schema();
      const state = context.flags.state === undefined ? undefined : config.state;
      const proposal = await propose(session, schema, config, { folder: dirname(path), tenantsTable, state });
      const written = configText(proposal);
      const unclassified = classify(schema, parseConfig(written, configFileName)).unclassified;
      await write(path, written, force);
      return { document: documentOf(path, proposal, unclassified), text: textOf(context, path, proposal) };
    } finally {
      await session.close();
    }
  },
});

async function propose(
  session: Session,
  schema: Schema,
  config: Config,
  options: { folder: string; tenantsTable: string | undefined; state: string | undefined },
): Promise<ConfigProposal> {
  const guess = guessTenants(schema, options.tenantsTable);
  if (!guess) throw noTenants(schema, options.tenantsTable);
  const { table, id, name, slug } = guess;
  const base = configSchema.shape.tenants.parse({ table, id, name, slug });
  const columns: TenantColumns = { ...base, search: guessSearch(schema, base, guess.ownershipColumns) };
  const found = schema.tables.find((one) => one.name === table) as Table;
  const status = await guessStatus(session, found, columns);
  const tier = await guessTier(session, found, columns);
  const tables = proposeTables(schema, columns, guess.ownershipColumns);
  return {
    database: config.database && storedDatabase(config.database, options.folder),
    backups: backupsFolder(config, options.folder),
    state: options.state === undefined ? undefined : pathInConfig(options.state, options.folder),
    tenants: {
      ...columns,
      ...(status && {
        status: { column: status.column, active: status.active, suspended: status.suspended },
      }),
      ...(tier && { tier }),
    },
    statusSure: status?.sure ?? true,
    ownershipColumns: guess.ownershipColumns,
    tables,
    auditLog: guessAuditLog(schema, tables),
  };
}

/** What the file says about the database: relative to its folder, without a password. */
function storedDatabase(url: string, folder: string): string {
  const shown = shownDatabase(url);
  if (!url.startsWith('sqlite:')) return shown;
  const path = pathInConfig(shown, folder);
  // After `sqlite:` a question mark would begin options.
  return path.includes('?') ? path : `sqlite:${path}`;
}

function backupsFolder(config: Config, folder: string): string | undefined {
  if (config.backups) return pathInConfig(config.backups.path, folder);
  const usual = ['backups', 'data/backups']
    .map((name) => join(folder, name))
    .find((path) => existsSync(path));
  return usual && pathInConfig(usual, folder);
}

async function write(path: string, content: string, force: boolean): Promise<void> {
  try {
    await writeDurably(path, content, { exclusive: !force });
  } catch (error) {
    // Somebody wrote it since we looked.
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw alreadyThere(path);
    throw error;
  }
}

function alreadyThere(path: string): TenantDrError {
  return new TenantDrError('usage', `${path} is already there; nothing was changed`, {
    hint: 'edit it, name another file with --config, or replace it with --force',
  });
}

function noTenants(schema: Schema, named: string | undefined): TenantDrError {
  const tables = schema.tables.filter((table) => table.kind === 'table').map((table) => table.name);
  return new TenantDrError(
    'tenants-table-missing',
    named === undefined
      ? 'no table looks like the tenants (tenants, organizations, workspaces, accounts …, with rows of other tables belonging to it); nothing was written'
      : `there is no table ${named} with a single key column; nothing was written`,
    { hint: `name it with --tenants-table; tables here: ${tables.join(', ') || 'none'}` },
  );
}

function documentOf(path: string, proposal: ConfigProposal, unclassified: string[]): Record<string, unknown> {
  const { tenants, tables } = proposal;
  return {
    path,
    tenants: {
      table: tenants.table,
      id: tenants.id,
      name: tenants.name ?? null,
      slug: tenants.slug ?? null,
      status: tenants.status ?? null,
      tier: tenants.tier ?? null,
    },
    tables,
    unclassified,
  };
}

function textOf(context: Context, path: string, { tenants, tables }: ConfigProposal): string {
  const marked = tables.filter((table) => table.rule !== null);
  const rows = marked.map((table) => [
    table.name,
    ruleInWords(table.rule),
    table.review ? `review: ${table.why}` : table.why,
  ]);
  const toReview = tables.filter((table) => table.review).length;
  return [
    `Wrote ${printable(path)}: tenants are in ${printable(tenants.table)}, ${tables.length} tables classified.`,
    ...(rows.length > 0
      ? [
          '',
          textTable(
            [{ title: 'table' }, { title: 'proposed' }, { title: 'why' }],
            rows,
            context.output.tableWidth,
          ),
          '',
        ]
      : []),
    toReview === 0
      ? 'Read it through, then: tenant-dr tables'
      : `${toReview} of these are guesses, marked "review" in the file. Read them, then: tenant-dr tables`,
  ].join('\n');
}

function ruleInWords(rule: TableRule | null): string {
  if (rule === null || rule === 'shared') return rule ?? '';
  return Object.entries(rule)
    .filter(([key]) => key !== 'on')
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join(', ');
}
