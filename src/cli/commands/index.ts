import type { CommandEntry } from '../command.ts';

/** Every command, in the order of the help. The module behind `load` is read only when the command is used. */
export const commands: CommandEntry[] = [
  {
    name: 'init',
    summary: 'write a config with every table classified, for you to review',
    load: () => import('./init.ts'),
  },
  {
    name: 'doctor',
    summary: 'check database, rights, backups, state folder, programs, disk and clock',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'tables',
    summary: 'ownership of every table, with its path to the tenant',
    load: () => import('./tables.ts'),
  },
  {
    name: 'tenants',
    summary: 'tenants with tier, status, size and newest backup',
    load: () => import('./tenants.ts'),
  },
  {
    name: 'backup',
    summary: 'take a backup while the application goes on writing',
    load: () => import('./backup.ts'),
  },
  {
    name: 'backup verify',
    summary: 'read a backup from end to end and compare it with its manifest',
    load: () => import('./backup-verify.ts'),
  },
  {
    name: 'backups',
    summary: 'list backups, or the rows of one tenant in all of them',
    load: () => import('./backups.ts'),
  },
  {
    name: 'plan',
    summary: 'what a restore would do to every row; nothing is written',
    load: () => import('./plan.ts'),
  },
  {
    name: 'restore',
    summary: 'put tenants back in place from a backup, in one transaction each',
    load: () => import('./restore.ts'),
  },
  {
    name: 'undo',
    summary: 'take back what an incident changed',
    load: () => import('./undo.ts'),
  },
  {
    name: 'diff',
    summary: 'compare a tenant with a backup',
    load: () => import('./diff.ts'),
  },
  {
    name: 'digest',
    summary: 'hash of each tenant, live or in a backup',
    load: () => import('./digest.ts'),
  },
  {
    name: 'suspend',
    summary: 'take a tenant out of service, with the configured hooks',
    load: () => import('./suspend.ts'),
  },
  {
    name: 'reactivate',
    summary: 'give a tenant back to its users, with the configured hooks',
    load: () => import('./reactivate.ts'),
  },
  {
    name: 'run',
    summary: 'walk a runbook, step by step, with the clock of the tier running',
    load: () => import('./run.ts'),
  },
  {
    name: 'runbook list',
    summary: 'the runbooks there are',
    load: () => import('./runbook-list.ts'),
  },
  {
    name: 'runbook validate',
    summary: 'check a runbook file, with line numbers',
    load: () => import('./runbook-validate.ts'),
  },
  {
    name: 'runbook print',
    summary: 'a runbook as Markdown a person can follow without the tool',
    load: () => import('./runbook-print.ts'),
  },
  {
    name: 'runbook schema',
    summary: 'JSON Schema of a runbook file, for editors',
    load: () => import('./runbook-schema.ts'),
  },
  {
    name: 'incidents',
    summary: 'incidents, open and closed, with their RTO',
    load: () => import('./incidents.ts'),
  },
  {
    name: 'resume',
    summary: 'go on with an incident: find out what happened, then continue',
    load: () => import('./resume.ts'),
  },
  {
    name: 'watch',
    summary: 'look on while somebody works on an incident',
    load: () => import('./watch.ts'),
  },
  {
    name: 'report',
    summary: 'write an incident up: Markdown, HTML or JSON',
    load: () => import('./report.ts'),
  },
  {
    name: 'demo',
    summary: 'a made-up platform with two weeks of backups and one tenant in trouble',
    load: () => import('./demo.ts'),
  },
];

/** What `tenant-dr` alone opens. */
export const opening: CommandEntry | undefined = {
  name: '',
  summary: 'the screens: incidents, scenarios, tenants and backups',
  load: () => import('./screens.ts'),
};
