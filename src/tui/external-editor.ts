import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reasonOf, TenantDrError } from '../errors.ts';

type Env = Record<string, string | undefined>;

/** The editor the person has chosen, as an argument list; null where none is. */
export function editorOf(env: Env): string[] | null {
  const words = (env.VISUAL || env.EDITOR || '').trim().split(/\s+/);
  return words[0] ? words : null;
}

/**
 * Opens a text in the person's own editor, which has the terminal meanwhile, and resolves with what was saved. The
 * file is private and gone afterwards. Rejects with tool-failed; the text is as it was then.
 */
export async function editElsewhere(text: string, editor: string[], env: Env): Promise<string> {
  const [program = '', ...rest] = editor;
  const dir = await mkdtemp(join(tmpdir(), 'tenant-dr-message-'));
  const file = join(dir, 'message.txt');
  const hear = muteInterrupts();
  try {
    await writeFile(file, `${text}\n`, { mode: 0o600 });
    const { execa } = await import('execa');
    await execa(program, [...rest, file], { stdio: 'inherit', env, extendEnv: false });
    return (await readFile(file, 'utf8')).replace(/\n+$/u, '');
  } catch (cause) {
    const why =
      cause instanceof Error && 'shortMessage' in cause ? String(cause.shortMessage) : reasonOf(cause);
    throw new TenantDrError('tool-failed', `${program} did not end well; the text is as it was. ${why}`, {
      hint: 'Edit it here, or set VISUAL to another editor.',
      cause,
    });
  } finally {
    hear();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Ctrl-C belongs to the editor while it has the terminal: it must not stop the run behind it. */
function muteInterrupts(): () => void {
  const listeners = process.listeners('SIGINT');
  const ignore = (): void => {};
  process.removeAllListeners('SIGINT');
  process.on('SIGINT', ignore);
  return () => {
    process.off('SIGINT', ignore);
    for (const listener of listeners) process.on('SIGINT', listener);
  };
}
