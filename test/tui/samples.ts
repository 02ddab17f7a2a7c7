import type { BackupChoice, ConfirmQuestion, PlanQuestion, Stakes } from '../../src/actions/operator.ts';
import type { RowEffect, TableEffects } from '../../src/engine/plan.ts';
import type { HeaderModel } from '../../src/tui/view/header.ts';

/** One incident, as the screens of the tests show it. */

export const now = '2026-11-23T06:13:41.000Z';
export const damagedAt = '2026-11-23T05:52:00.000Z';

export const header: HeaderModel = {
  environment: 'production',
  database: { name: 'chatbot', location: '/var/www/data/admin.db' },
  mode: 'live',
  tenant: { name: 'Northwind Labs', slug: 'northwind', tier: 'enterprise', priority: 'P0' },
  incident: 'INC-20261123-0605',
  operator: 'alice',
  rto: {
    limitSeconds: 1800,
    usedSeconds: 521,
    usableAt: '2026-11-23T06:18:00.000Z',
    late: false,
    end: null,
    estimatesExceed: false,
  },
  rpo: {
    limitSeconds: 3600,
    backupAt: '2026-11-23T05:00:00.000Z',
    ageSeconds: 3120,
    met: true,
    atStakeRows: 41,
  },
  zone: 'UTC',
  updateDueSeconds: null,
};

export function tableEffects(
  name: string,
  live: number,
  backup: number,
  insert: number,
  update: number,
  remove: number,
): TableEffects {
  return {
    name,
    mode: 'exact',
    live,
    backup,
    insert,
    update,
    delete: remove,
    unchanged: live - update - remove,
    kept: 0,
    losses: remove,
    updatedColumns: update > 0 ? ['body'] : [],
    samples: [],
  };
}

export const tables: TableEffects[] = [
  tableEffects('agents', 12, 48, 36, 2, 0),
  tableEffects('audit_messages', 310, 902, 592, 0, 0),
  tableEffects('prompts', 44, 44, 0, 9, 0),
  tableEffects('leads', 120, 79, 0, 0, 41),
  ...Array.from({ length: 14 }, (_, index) => tableEffects(`channel_sessions_${index}`, 293, 293, 0, 0, 0)),
];

export const stakes: Stakes = {
  phrase: 'northwind',
  database: { name: 'chatbot', location: '/var/www/data/admin.db', environment: 'production' },
  tenants: [{ id: '7', slug: 'northwind', name: 'Northwind Labs', tier: 'enterprise' }],
  tables: tables.map(({ name, insert, update, delete: remove }) => ({
    name,
    insert,
    update,
    delete: remove,
  })),
  backup: { ref: 'b-20261123-050000', takenAt: '2026-11-23T05:00:00.000Z', ageSeconds: 4421 },
  cannotBeUndone: ['Messages the application sends because of the restored rows.'],
};

export const confirmation: ConfirmQuestion = {
  kind: 'confirm',
  id: 'restore.confirm',
  title: 'Restore Northwind Labs in place',
  detail: [],
  phrase: 'northwind',
  preview: {
    summary: 'Writes 680 rows in one transaction.',
    lines: [],
    commands: ['tenant-dr restore northwind --from b-20261123-050000'],
    stakes,
  },
};

export function backup(hour: number, more: Partial<BackupChoice> = {}): BackupChoice {
  const takenAt = new Date(Date.UTC(2026, 10, 23, hour)).toISOString();
  const age = (Date.UTC(2026, 10, 23, 5, 52) - Date.parse(takenAt)) / 1000;
  return {
    ref: `chatbot_sqlite_20261123_${String(hour).padStart(2, '0')}0000.db.zst`,
    takenAt,
    bytes: 4_200_000,
    verified: true,
    afterDamage: age < 0,
    rpoAgeSeconds: age,
    rpoMet: age >= 0 && age <= 3600,
    holdsTenant: true,
    sameAsLive: false,
    rows: { agents: age < 0 ? 12 : 48, audit_messages: age < 0 ? 310 : 880 + hour * 4 },
    rowsAgainstOlder: age < 0 ? -628 : 4,
    ...more,
  };
}

export const backups: BackupChoice[] = [
  backup(6, { sameAsLive: true }),
  ...Array.from({ length: 20 }, (_, index) => backup(5 - index)),
];

export const planQuestion: PlanQuestion = {
  kind: 'plan',
  id: 'restore.plan',
  title: 'The plan for Northwind Labs',
  detail: [],
  mode: 'exact',
  tables,
  conflicts: [],
  drift: [],
  sharedNeeded: [],
  revivals: [{ table: 'jobs', review: 'queue', rows: 12, keys: ['[1]'], decision: 'set' }],
  effects: async (page): Promise<RowEffect[]> =>
    Array.from({ length: Math.min(page.limit, 592 - page.offset) }, (_, index) => ({
      kind: 'insert',
      key: JSON.stringify([page.offset + index]),
      columns: [],
      changes: [
        { column: 'id', live: null, backup: String(page.offset + index) },
        { column: 'body', live: null, backup: 'hello\u001b[31m' },
      ],
    })),
};
