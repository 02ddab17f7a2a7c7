import { stringify } from 'yaml';
import { characters } from './cast.ts';

/** The demo's tenant-dr.config.yaml: every table classified, the risky ones with a rule. Paths are relative to it. */
export function demoConfig(database: string, postgres: boolean): string {
  return `# The demo platform. Change it as you like: \`tenant-dr demo${postgres ? ' --postgres' : ''} --reset\` makes it anew.
database: ${database}
environment: demo
backups: ./data/backups
state: ./state
contacts: ./contacts.yaml
tenants:
  table: tenants
  id: id
  name: name
  slug: slug
  status: { column: status, active: active, suspended: suspended }
  tier: { column: settings, json: $.tier }
  search: [admin_users.email, tenants.billing_email]
  settle: 3s
ownership:
  columns: [tenant_id]
  tables:
    schema_migrations: shared
    plans: shared
    models: shared
    admin_users: { review: credentials }
    admin_api_keys: { review: credentials }
    jobs: { review: queue, set: { status: cancelled } }
    dead_letter_queue: { through: jobs, on: { original_job_id: id } }
    subscriptions: { review: billing }
    invoices: { review: billing }
    audit_events: { restore: missing }
    partner_links: { exclude: "agreements between two tenants, restored by hand" }
checks:
  - name: every agent has a prompt that exists
    sql: SELECT id FROM agents WHERE tenant_id = :tenant AND prompt_id IS NOT NULL AND prompt_id NOT IN (SELECT id FROM prompts)
    level: basic
  - name: every prompt has a text of its own
    sql: SELECT prompt_id FROM prompt_versions JOIN prompts ON prompts.id = prompt_id WHERE tenant_id = :tenant AND body LIKE '{{%'
    level: standard
auditLog: { table: audit_events, at: created_at, what: type }
`;
}

/** Whom to write to, outside the database: it may be what was lost. */
export function demoContacts(): string {
  const everyone = characters();
  return stringify({
    signature: 'The platform team, operations@platform.example',
    statusPage: 'https://status.platform.example',
    internal: ['#incidents'],
    tenants: Object.fromEntries(everyone.map(({ slug }) => [slug, [`operations@${slug}.example`]])),
  });
}
