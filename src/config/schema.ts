import { z } from '../zod.ts';

/** The config file, tenant-dr.config.yaml. Keys may be added, never renamed (design section 8). */

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** "10s", "5m", "2h", "7d" or a number of seconds. */
export const duration = z.union([z.number().nonnegative(), z.string()]).transform((value, context) => {
  if (typeof value === 'number') return value;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(value.trim());
  if (!match) {
    context.addIssue({ code: 'custom', message: `"${value}" is not a duration such as 10s, 5m, 2h or 7d` });
    return z.NEVER;
  }
  const seconds = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 }[match[2] as 'ms' | 's' | 'm' | 'h' | 'd'];
  return Number(match[1]) * seconds;
});

/** An IANA name, such as America/Sao_Paulo. */
const timezone = z
  .string()
  .refine(isTimezone, 'not a time zone this machine knows, such as America/Sao_Paulo');

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const argumentList = z.array(z.string()).min(1);

const hook = z.union([
  argumentList.transform((command) => ({ command, timeout: 60 })),
  z.strictObject({ command: argumentList, timeout: duration.default(60) }),
]);

const hookPair = z.strictObject({ before: z.array(hook).default([]), after: z.array(hook).default([]) });

const tableRule = z.union([
  z.literal('shared'),
  z
    .strictObject({
      shared: z.string().optional(),
      through: z.string().optional(),
      on: z.record(z.string(), z.string()).optional(),
      column: z.string().optional(),
      exclude: z.string().regex(/\S/, 'needs a reason').optional(),
      restore: z.enum(['exact', 'missing', 'keep']).optional(),
      review: z.enum(['credentials', 'queue', 'billing']).optional(),
      set: z.record(z.string(), scalar).optional(),
    })
    .refine(
      (rule) => (rule.through === undefined) === (rule.on === undefined),
      'through and on belong together',
    )
    .refine(
      (rule) =>
        [rule.shared, rule.through ?? rule.column, rule.exclude].filter((way) => way !== undefined).length <=
        1,
      'only one of shared, exclude, and through or column (or both) can hold',
    ),
]);

const tierFigures = z.strictObject({
  rpo: duration.optional(),
  rto: duration.nullable().optional(),
  backupEvery: duration.optional(),
  verification: z.enum(['full', 'standard', 'basic']).optional(),
  keepBackups: duration.optional(),
});

export const configSchema = z.strictObject({
  database: z.string().optional(),
  environment: z.string().optional(),
  backups: z
    .union([z.string(), z.strictObject({ path: z.string(), timezone: timezone.optional() })])
    .transform((value) => (typeof value === 'string' ? { path: value, timezone: undefined } : value))
    .optional(),
  state: z.string().optional(),
  mirror: z.string().optional(),
  tenants: z
    .strictObject({
      table: z.string().default('tenants'),
      id: z.string().default('id'),
      name: z.string().optional(),
      slug: z.string().optional(),
      status: z
        .strictObject({
          column: z.string().default('status'),
          active: scalar.default('active'),
          suspended: scalar.default('suspended'),
        })
        .optional(),
      tier: z.strictObject({ column: z.string(), json: z.string().optional() }).optional(),
      search: z.array(z.string()).default([]),
      settle: duration.default(10),
    })
    .prefault({}),
  ownership: z
    .strictObject({
      columns: z.array(z.string()).default(['tenant_id']),
      tables: z.record(z.string(), tableRule).default({}),
    })
    .prefault({}),
  hooks: z.strictObject({ suspend: hookPair.prefault({}), reactivate: hookPair.prefault({}) }).prefault({}),
  health: z
    .union([
      z.strictObject({ url: z.string(), expect: z.number().default(200), timeout: duration.default(10) }),
      z.strictObject({ command: argumentList, timeout: duration.default(30) }),
    ])
    .optional(),
  checks: z
    .array(
      z.strictObject({
        name: z.string(),
        sql: z.string(),
        level: z.enum(['basic', 'standard', 'full']).default('standard'),
      }),
    )
    .default([]),
  auditLog: z.strictObject({ table: z.string(), at: z.string(), what: z.string() }).optional(),
  contacts: z.string().optional(),
  runbooks: z.string().optional(),
  deliver: z
    .union([
      z.strictObject({ command: argumentList, timeout: duration.default(30) }),
      z.strictObject({ webhook: z.string() }),
    ])
    .optional(),
  policy: z
    .strictObject({
      rpoGate: z.enum(['warn', 'refuse']).default('warn'),
      enterprise: tierFigures.optional(),
      pro: tierFigures.optional(),
      starter: tierFigures.optional(),
      free: tierFigures.optional(),
    })
    .prefault({}),
});

export type ConfigFile = z.output<typeof configSchema>;
export type TableRule = z.output<typeof tableRule>;
export type Hook = z.output<typeof hook>;
export type TenantColumns = ConfigFile['tenants'];

/** The config after file, environment and flags were put together. Paths are absolute. */
export interface Config extends ConfigFile {
  /** sqlite:<absolute path> or postgres://…; undefined when nothing names a database. */
  database: string | undefined;
  /** Label shown beside the database name; "unlabelled" when the config gives none. */
  environment: string;
  state: string;
  /** The config file that was read, if any. */
  file: string | undefined;
  /** Things read but not obeyed, or assumed: shown, never silent. */
  warnings: string[];
}
