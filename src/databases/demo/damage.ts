import type { DemoStore } from './store.ts';

/** What went wrong with one tenant, as statements its application could have run. `at` is an ISO time, UTC. */

/** A clean-up meant for the staging system: three agents of four, their channels, prompts and conversations. */
export function deleteMost(store: DemoStore, tenant: number, at: string): void {
  const values = { tenant, at };
  for (const sql of [
    `DELETE FROM agents WHERE tenant_id = @tenant AND is_default = 0 AND id % 4 <> 1`,
    `DELETE FROM prompts WHERE tenant_id = @tenant AND id NOT IN (SELECT prompt_id FROM agents WHERE tenant_id = @tenant AND prompt_id IS NOT NULL)`,
    `DELETE FROM audit_conversations WHERE tenant_id = @tenant AND agent_id IS NULL`,
    `DELETE FROM knowledge_articles WHERE tenant_id = @tenant AND id % 2 = 0`,
    `DELETE FROM admin_users WHERE tenant_id = @tenant AND role = 'viewer'`,
  ]) {
    store.run(sql, values);
  }
  // The trigger stamps with the time of day; the story happened at its own.
  store.run(
    "UPDATE audit_events SET created_at = @at WHERE tenant_id = @tenant AND type = 'prompt.deleted' AND created_at > @at",
    values,
  );
  log(store, tenant, at, 'agents.bulk_deleted', 'cleanup-staging.sh');
}

/** An import with the wrong mapping: every lead under another name, every prompt with the same text. */
export function overwriteMost(store: DemoStore, tenant: number, at: string): void {
  const values = { tenant, at };
  store.run(
    `UPDATE leads SET name = company, company = NULL, score = 0, status = 'imported', updated_at = @at WHERE tenant_id = @tenant`,
    values,
  );
  store.run(
    `UPDATE prompt_versions SET body = '{{ template.body }}'
     WHERE prompt_id IN (SELECT id FROM prompts WHERE tenant_id = @tenant)`,
    values,
  );
  store.run(
    `UPDATE knowledge_articles SET body = title, updated_at = @at WHERE tenant_id = @tenant AND id % 3 <> 0`,
    values,
  );
  log(store, tenant, at, 'leads.imported', 'crm-sync');
}

/** Support merged the wrong account: another tenant's agents, prompts and leads copied in, own leads dropped. */
export function mergeWrongTenant(store: DemoStore, tenant: number, other: number, at: string): void {
  const values = { tenant, other, at };
  for (const sql of [
    `DELETE FROM leads WHERE tenant_id = @tenant AND score < 50`,
    `INSERT INTO leads (tenant_id, name, email, company, score, status, created_at, updated_at)
       SELECT @tenant, name, email, company, score, 'merged', created_at, @at FROM leads AS theirs WHERE tenant_id = @other
         AND NOT EXISTS (SELECT 1 FROM leads WHERE tenant_id = @tenant AND lower(email) = lower(theirs.email))`,
    `INSERT INTO prompts (tenant_id, name, description, updated_at)
       SELECT @tenant, name || ' (merged)', description, @at FROM prompts WHERE tenant_id = @other`,
    `INSERT INTO agents (tenant_id, name, model, temperature, created_at, updated_at)
       SELECT @tenant, name || ' (merged)', model, temperature, created_at, @at FROM agents WHERE tenant_id = @other`,
    `UPDATE agents SET prompt_id = (SELECT max(id) FROM prompts WHERE tenant_id = @tenant), updated_at = @at
       WHERE tenant_id = @tenant`,
    `INSERT INTO knowledge_articles (tenant_id, title, body, updated_at)
       SELECT @tenant, title, body, @at FROM knowledge_articles WHERE tenant_id = @other`,
  ]) {
    store.run(sql, values);
  }
  log(store, tenant, at, 'account.merged', 'support');
}

function log(store: DemoStore, tenant: number, at: string, type: string, actor: string): void {
  store.insert('audit_events', {
    tenant_id: tenant,
    created_at: at,
    type,
    actor,
    target: null,
  });
}

/** What is left of a tenant that the application can still refer to. */
export async function remains(
  store: DemoStore,
  tenant: number,
): Promise<{ agents: number[]; prompts: number[]; sessions: number[] }> {
  const ids = (table: 'agents' | 'prompts' | 'channel_sessions') =>
    store.numbers(`SELECT id FROM ${table} WHERE tenant_id = @tenant ORDER BY id`, { tenant });
  return {
    agents: await ids('agents'),
    prompts: await ids('prompts'),
    sessions: await ids('channel_sessions'),
  };
}
