import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { isPhrase, spellingNote } from '../actions/phrase.ts';
import { printable } from '../engine/printable.ts';
import { TenantDrError } from '../errors.ts';

export interface ConfirmRequest {
  phrase: string;
  stakes: string;
}

/** Compared exactly: no trimming, no change of case (promise 5). */
export function checkPhrase(phrase: string, typed: string): void {
  if (isPhrase(typed, phrase)) return;
  const near = typed.trim().toLowerCase() === phrase.trim().toLowerCase();
  throw new TenantDrError(
    'confirmation-refused',
    `the confirmation phrase does not match${near ? ' exactly: letter case and spaces count' : ''}; nothing was changed`,
    { hint: `type exactly: ${printable(phrase)}` },
  );
}

/** Keys pressed before the question could be read are not an answer to it. */
const settleMilliseconds = 300;

/** Shows the stakes on stderr and reads one line from the terminal; Enter alone never confirms. */
export async function askPhrase(
  { phrase, stakes }: ConfirmRequest,
  terminal: { input: NodeJS.ReadStream; output: NodeJS.WriteStream; signal: AbortSignal },
): Promise<void> {
  const { input, output, signal } = terminal;
  output.write(`${stakes}\n\n`);
  await discardEarlyKeys(input);
  const reader = createInterface({ input, output, terminal: true });
  // In a reading terminal Ctrl-C is a key, not a signal; here it answers the question with no.
  const stopped = new AbortController();
  reader.on('SIGINT', () => stopped.abort());
  try {
    const note = spellingNote(phrase);
    const question = `Type ${printable(phrase)} to go ahead${note && ` (${note})`}: `;
    checkPhrase(
      phrase,
      await reader.question(question, { signal: AbortSignal.any([signal, stopped.signal]) }),
    );
  } catch (error) {
    if (error instanceof TenantDrError) throw error;
    throw new TenantDrError('interrupted', 'stopped at the confirmation; nothing was changed', {
      hint: 'run the command again when you are ready',
      cause: error,
    });
  } finally {
    reader.close();
  }
}

async function discardEarlyKeys(input: NodeJS.ReadStream): Promise<void> {
  const drop = () => {};
  input.setRawMode?.(true);
  input.on('data', drop);
  input.resume();
  await sleep(settleMilliseconds);
  // On a busy machine the time may be over before what was typed meanwhile was read.
  await turn();
  input.off('data', drop);
  input.pause();
  input.setRawMode?.(false);
}
