import type { Action } from './action.ts';
import { health } from './health.ts';
import { reactivate } from './reactivate.ts';
import { settle } from './settle.ts';
import { suspend } from './suspend.ts';
import { verify } from './verify.ts';

/** Every action a runbook can use, in the order of a recovery. To add one, declare it in a file and name it here. */
export const actions: readonly Action[] = [suspend, settle, verify, health, reactivate];
