import { main } from '../built.ts';

/** What is run: a command line, where, and in which environment. */
export interface Line {
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** How it ended, and what it wrote. */
export interface Ended {
  exit: number;
  stdout: string;
  stderr: string;
}

const exit = process.exit;
const program = `file://${main}`;
let lines = 0;

/** Runs the built program from its first line to its last, as a process would that has just been started. */
async function run({ args, cwd, env }: Line): Promise<Ended> {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  process.argv = [process.execPath, main, ...args];
  const stdout = heard(process.stdout);
  const stderr = heard(process.stderr);
  const exited = new Promise<number>((resolve) => {
    process.exit = ((code: number) => resolve(code)) as typeof process.exit;
  });
  // Another address is another module: the file is run again, and what it imports is there already.
  await import(`${program}?line=${++lines}`);
  const code = await exited;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  return { exit: code, stdout: stdout.join(''), stderr: stderr.join('') };
}

/** What is written to the stream from now on. */
function heard(stream: NodeJS.WriteStream): string[] {
  const texts: string[] = [];
  stream.write = ((text: string | Uint8Array, ...more: unknown[]) => {
    texts.push(typeof text === 'string' ? text : Buffer.from(text).toString());
    const done = more.at(-1);
    if (typeof done === 'function') done();
    return true;
  }) as typeof stream.write;
  return texts;
}

// The tests are over, or were ended.
process.on('disconnect', () => exit(0));
process.on('message', (line: Line) => {
  run(line).then(
    (ended) => process.send?.(ended),
    // Ends the process, with the error on the real stderr.
    (error: unknown) => process.nextTick(() => Promise.reject(error)),
  );
});
