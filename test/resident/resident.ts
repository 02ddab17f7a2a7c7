import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import type { Ended, Line } from './process.ts';

/**
 * Processes that run one command line of the built program after the other. Most tests are about what a command does
 * to databases and says about it; a new Node for each command costs three times as much as the command. How the
 * program begins, ends, and is killed is tested with processes of their own.
 */
const resting: ChildProcess[] = [];

/** Runs a command line in a process at rest, or in a new one. */
export function runLine(line: Line): Promise<Ended> {
  const child = resting.pop() ?? start();
  keepsAlive(child, 'ref');
  return new Promise((resolve, reject) => {
    const onMessage = (ended: Ended) => {
      child.off('exit', onExit);
      keepsAlive(child, 'unref');
      resting.push(child);
      resolve(ended);
    };
    const onExit = (code: number | null, signal: string | null) =>
      reject(new Error(`the resident process ended (${signal ?? code}) at: ${line.args.join(' ')}`));
    child.once('message', onMessage).once('exit', onExit);
    child.send(line);
  });
}

/** It ends with this process: see `process.ts`. Its stdout is a pipe, as a script has it, that nothing gets to. */
function start(): ChildProcess {
  return fork(new URL('process.ts', import.meta.url), {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: [],
  });
}

function keepsAlive(child: ChildProcess, ref: 'ref' | 'unref'): void {
  child[ref]();
  child.channel?.[ref]();
  if (child.stdout instanceof Socket) child.stdout[ref]();
}
