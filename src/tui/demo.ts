import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExecaError, execa } from 'execa';
import type { Context } from '../cli/context.ts';
import { loadConfig } from '../config/load.ts';
import { errorCodes, reasonOf, TenantDrError } from '../errors.ts';
import { moduleAt } from '../places.ts';
import { z } from '../zod.ts';

/** The guided demo: `tenant-dr demo` run by itself so that the screen never stands still. */

const madeSchema = z.object({
  config: z.string(),
  tenant: z.object({ slug: z.string(), name: z.string() }),
  damagedAt: z.string(),
  detectedAt: z.string(),
  complaint: z.string(),
});
export type Made = z.infer<typeof madeSchema>;

/** What it says instead when it fails. */
const refusedSchema = z.object({
  error: z.object({ code: z.enum(errorCodes), message: z.string(), hint: z.string().optional() }),
});

const progressSchema = z.object({ event: z.literal('progress'), done: z.number(), total: z.number() });

const main = fileURLToPath(moduleAt('main'));

export async function demoFolder(): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), 'tenant-dr-demo-')));
}

/** Makes the demo in a folder. Rejects as that command does, else with tool-failed. */
export async function makeDemo(
  dir: string,
  options: string[],
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<Made> {
  const child = execa(process.execPath, [main, 'demo', dir, '--json', ...options], {
    stdin: 'ignore',
    cancelSignal: signal,
    buffer: { stdout: true, stderr: false },
  });
  const listen = async (): Promise<void> => {
    for await (const text of child.iterable({ from: 'stderr' })) {
      const progress = progressSchema.safeParse(parsed(text));
      if (progress.success) onProgress(progress.data.done, progress.data.total);
    }
  };
  try {
    const [{ stdout }] = await Promise.all([child, listen()]);
    return madeSchema.parse(JSON.parse(stdout));
  } catch (cause) {
    const said = cause instanceof ExecaError ? refusedSchema.safeParse(parsed(String(cause.stdout))) : null;
    const { code, message, hint } = said?.data?.error ?? {
      code: 'tool-failed',
      message: `The demo could not be made in ${dir}: ${reasonOf(cause)}`,
      hint: `Try it by itself: tenant-dr demo ${dir} --reset`,
    };
    throw new TenantDrError(code, message, { ...(hint === undefined ? {} : { hint }), cause });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Only JSON lines are of interest; anything else is a warning of the runtime.
    return null;
  }
}

/** A context in the demo's folder. The environment of whoever tries the demo must not lead it to a real database. */
export async function demoContext(context: Context, made: Made, dir: string): Promise<Context> {
  const config = await loadConfig({ flags: { config: made.config }, env: {}, cwd: dir });
  return {
    ...context,
    cwd: dir,
    config: async () => config,
    openDatabase: (of) => context.openDatabase(of ?? config),
  };
}
