import type { Action } from './action.ts';
import { chooseBackup } from './choose-backup.ts';
import { close } from './close.ts';
import { health } from './health.ts';
import { messages } from './messages.ts';
import { reactivate } from './reactivate.ts';
import { restore } from './restore.ts';
import { restoreMany } from './restore-many.ts';
import { scope } from './scope.ts';
import { settle } from './settle.ts';
import { suspend } from './suspend.ts';
import { undo } from './undo.ts';
import { verify } from './verify.ts';

/** Every action a runbook can use, in the order of a recovery. To add one, declare it in a file and name it here. */
export const actions: readonly Action[] = [
  suspend,
  settle,
  scope,
  chooseBackup,
  restore,
  restoreMany,
  verify,
  health,
  reactivate,
  messages,
  close,
  undo,
];
