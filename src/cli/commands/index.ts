import type { CommandEntry } from '../command.ts';

/** Every command, in the order of the help. The module behind `load` is read only when the command is used. */
export const commands: CommandEntry[] = [];

/** What `tenant-dr` alone opens. */
export const opening: CommandEntry | undefined = undefined;
