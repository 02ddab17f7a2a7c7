import { hostname, userInfo } from 'node:os';
import type { Operator } from './context.ts';

/** Who is at the keyboard: `--as`, else the login name. */
export function operatorOf(as: string | undefined, env: Record<string, string | undefined>): Operator {
  return {
    name: as ?? loginName(env),
    assumed: as === undefined,
    host: hostname(),
    origin: env.SSH_CONNECTION?.split(' ')[0] ?? null,
  };
}

function loginName(env: Record<string, string | undefined>): string {
  const named = env.LOGNAME ?? env.USER;
  if (named) return named;
  try {
    return userInfo().username;
  } catch {
    // userInfo() throws for a user id without an entry in the password file, as in many containers.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
