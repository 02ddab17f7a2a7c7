import type { Conflict } from '../../engine/plan.ts';
import { TenantDrError } from '../../errors.ts';
import { sqlState } from './errors.ts';
import type { SessionFacts } from './facts.ts';
import { ident } from './identifiers.ts';
import type { Sql } from './sql.ts';
import type { Slot, Workspace } from './workspace.ts';

/**
 * How application triggers are kept from rewriting what comes back:
 * - `replica`: the session runs as a replica, where the role may; foreign keys and cascades are off as well, so
 *   they are checked by hand afterwards;
 * - `on`: triggers run, and the restore is refused when the rows do not stick;
 * - `disabled`: triggers of the changed tables are disabled for the transaction, which makes every writer of these
 *   tables wait; only with consent.
 */
export type TriggerMethod = 'replica' | 'on' | 'disabled';

export async function mayReplicate(sql: Sql): Promise<boolean> {
  await sql.run('SAVEPOINT tdr_replica');
  try {
    await sql.run('SET LOCAL session_replication_role = replica; RELEASE SAVEPOINT tdr_replica');
    return true;
  } catch (error) {
    if (sqlState(error) !== '42501' && !(error instanceof TenantDrError && error.code === 'database-denied'))
      throw error;
    await sql.run('ROLLBACK TO SAVEPOINT tdr_replica; RELEASE SAVEPOINT tdr_replica');
    return false;
  }
}

/** Triggers of a table that fire for an ordinary session; `on`: table or partition, in SQL. */
export function triggersOf(slot: Slot): { slot: Slot; name: string; on: string; always: boolean }[] {
  return slot.relation.triggers
    .filter((one) => one.enabled === 'O' || one.enabled === 'A')
    .map((one) => ({ slot, name: one.name, on: one.table, always: one.enabled === 'A' }));
}

/** Those of the tables this plan changes. */
export function activeTriggers(slots: Slot[]): ReturnType<typeof triggersOf> {
  return slots.filter((slot) => slot.rows.want + slot.rows.gone > 0).flatMap(triggersOf);
}

/** How triggers are kept out in this session, as far as is known before anything was tried. */
export function methodFor({ replica, options }: SessionFacts): TriggerMethod {
  if (replica) return 'replica';
  return options.disableTriggers ? 'disabled' : 'on';
}

/** What the plan has to say about triggers of the tables it changes, table by table, and what that costs whom. */
export function triggersMet(work: Workspace, method: TriggerMethod): Conflict[] {
  if (method === 'replica') return [];
  const tables = new Map<string, string[]>();
  for (const { slot, name } of activeTriggers(work.slots))
    tables.set(slot.slice.name, [...new Set([...(tables.get(slot.slice.name) ?? []), name])]);
  return [...tables].map(([table, names]) => ({
    kind: 'triggers-run',
    table,
    key: '',
    detail:
      method === 'disabled'
        ? `Triggers of ${table} (${names.join(', ')}) are disabled meanwhile: whoever writes ${table}, for any tenant, waits until the commit.`
        : `Triggers of ${table} (${names.join(', ')}) run, because this role may not keep them from it: if they change a row that comes back, everything is rolled back. With consent (--disable-triggers) they are disabled meanwhile, and all writers of ${table} wait.`,
    blocking: false,
  }));
}

/** Rules rewrite the statements of a change, which no check afterwards could explain: they stop the plan. */
export function rulesMet(work: Workspace, method: TriggerMethod): Conflict[] {
  const acting = method === 'replica' ? 'RA' : 'OA';
  return work.slots
    .filter((slot) => slot.rows.want + slot.rows.gone > 0)
    .flatMap(({ slice, relation }) => {
      const rules = relation.rules.filter((rule) => acting.includes(rule.enabled)).map((rule) => rule.name);
      if (rules.length === 0) return [];
      return [
        {
          kind: 'trigger-cannot-run',
          table: slice.name,
          key: '',
          detail: `Rules of ${slice.name} (${rules.join(', ')}) rewrite what is written there, and this role may not keep them from it.`,
          blocking: true,
        },
      ];
    });
}

/** Triggers that were disabled, with what is needed to put them back as they were. */
export type DisabledTrigger = ReturnType<typeof triggersOf>[number];

/** Disables the triggers of the changed tables; gives up after some tries rather than blocking everybody. */
export async function disableTriggers(work: Workspace): Promise<DisabledTrigger[]> {
  const triggers = activeTriggers(work.slots);
  for (const { on, name } of triggers) await alter(work, on, `DISABLE TRIGGER ${ident(name)}`);
  return triggers;
}

/** Puts every disabled trigger back as it was, in the same transaction. */
export async function enableTriggers(work: Workspace, triggers: DisabledTrigger[]): Promise<void> {
  for (const { on, name, always } of triggers) {
    await alter(work, on, `ENABLE ${always ? 'ALWAYS ' : ''}TRIGGER ${ident(name)}`);
  }
}

const tries = 10;

/** Partitions keep their own state: each is altered by itself. */
async function alter(work: Workspace, table: string, action: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work.sql.run(
        `SAVEPOINT tdr_alter; SET LOCAL lock_timeout = '300ms'; ALTER TABLE ONLY ${table} ${action}; RELEASE SAVEPOINT tdr_alter`,
      );
      return;
    } catch (error) {
      if (sqlState(error) !== '55P03' || attempt === tries) throw error;
      await work.sql.run('ROLLBACK TO SAVEPOINT tdr_alter; RELEASE SAVEPOINT tdr_alter');
    }
  }
}

/** The refusal when triggers ran and the rows did not stick. */
export function triggerRefusal(slot: Slot, detail: string): TenantDrError {
  const names = [...new Set(triggersOf(slot).map((one) => one.name))];
  return new TenantDrError(
    'trigger-refused',
    `${detail} Triggers of "${slot.slice.name}" (${names.join(', ')}) ran and this role may not switch them off. Everything was rolled back.`,
    {
      table: slot.slice.name,
      hint: 'Connect as a role that may set session_replication_role (a superuser, or one with GRANT SET ON PARAMETER), or say --disable-triggers: all tenants wait meanwhile when they write these tables.',
      facts: { triggers: names },
    },
  );
}
