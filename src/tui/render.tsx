import { render } from 'ink';
import type { ReactNode } from 'react';
import { SurroundingsContext } from './components/context.ts';
import { PacedInput } from './paced-input.ts';
import { type Theme, themeFrom } from './theme.ts';

/** Where a screen is drawn. Tests give a virtual terminal and a clock. */
export interface Terminal {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  env: Record<string, string | undefined>;
  now: () => Date;
}

export interface Rendered {
  /** Resolves when the screen is gone; rejects with what crashed it. */
  done: Promise<void>;
  leave: () => void;
  theme: Theme;
}

/**
 * Takes the whole terminal for a tree, and gives it back at the end, whatever the end is. The alternate screen
 * is not used for screen readers, which follow the normal one.
 */
export function renderScreen(tree: ReactNode, terminal: Terminal): Rendered {
  const theme = themeFrom(terminal.env);
  const input = new PacedInput(terminal.stdin);
  const whole = (
    <SurroundingsContext.Provider value={{ theme, now: terminal.now, env: terminal.env }}>
      {tree}
    </SurroundingsContext.Provider>
  );
  const instance = render(whole, {
    // Ink only uses what a terminal's input has, and PacedInput has that.
    stdin: input as unknown as NodeJS.ReadStream,
    stdout: terminal.stdout,
    stderr: terminal.stderr,
    // Ctrl-C is a key like others: it asks before it leaves.
    exitOnCtrlC: false,
    // Whether there is a terminal was decided before; in CI one is as good as elsewhere.
    interactive: true,
    alternateScreen: !theme.screenReader,
    isScreenReaderEnabled: theme.screenReader,
    incrementalRendering: true,
    // A key's effect waits for the next frame at most: this is half of what people notice.
    maxFps: 60,
    // Nothing here writes to the console; Ink's patch would also hide what a crash prints.
    patchConsole: false,
  });
  // Stopped and taken up again (`kill -TSTP`, then `fg`), the terminal has the shell's mode and shows its lines.
  const takeUp = () => {
    if (!input.regain()) return;
    terminal.stdout.write('\u001b[2J\u001b[H');
    instance.clear();
    instance.rerender(whole);
  };
  process.on('SIGCONT', takeUp);
  return {
    done: instance
      .waitUntilExit()
      .then(() => undefined)
      .finally(() => {
        process.off('SIGCONT', takeUp);
        input.destroy();
      }),
    leave: () => instance.unmount(),
    theme,
  };
}
