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
];

/** What `tenant-dr` alone opens. */
export const opening: CommandEntry | undefined = {
  name: '',
  summary: 'the screens: incidents, scenarios, tenants and backups',
  load: () => import('./screens.ts'),
};
