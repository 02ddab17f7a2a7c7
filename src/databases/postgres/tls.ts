import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { reasonOf, TenantDrError } from '../../errors.ts';

/** How a connection is encrypted and whom it trusts, as libpq's words say it. */
export interface Tls {
  sslmode: string | undefined;
  /** Files of certificates, by libpq's name for each. */
  files: Record<string, string>;
  /** The same for child programs, which read it from their environment. */
  environment: Record<string, string>;
}

const names = { sslrootcert: 'PGSSLROOTCERT', sslcert: 'PGSSLCERT', sslkey: 'PGSSLKEY' };

/**
 * What a URL says, and the environment where it says nothing. Rejects with config-invalid where a mode needs a
 * certificate that is not named, or a file that is named is not there.
 */
export function readTls(url: URLSearchParams, env: NodeJS.ProcessEnv): Tls {
  const sslmode = url.get('sslmode') ?? env.PGSSLMODE;
  const encrypted = sslmode !== undefined && sslmode !== 'disable';
  const files: Record<string, string> = {};
  const environment: Record<string, string> = sslmode === undefined ? {} : { PGSSLMODE: sslmode };
  for (const [name, variable] of Object.entries(names)) {
    const file = url.get(name) ?? env[variable];
    if (!file) continue;
    environment[variable] = file;
    if (encrypted || url.has(name)) files[name] = file;
  }
  const usual = join(env.HOME ?? homedir(), '.postgresql', 'root.crt');
  if (sslmode?.startsWith('verify-') && !files.sslrootcert && existsSync(usual)) files.sslrootcert = usual;
  if (sslmode === 'verify-ca' && !files.sslrootcert) {
    throw new TenantDrError('config-invalid', 'sslmode=verify-ca does not say which authority to trust.', {
      hint: `Name the file of its certificate with &sslrootcert=<file> in DATABASE_URL or in PGSSLROOTCERT, or put it into ${usual}.`,
    });
  }
  for (const [name, file] of Object.entries(files)) {
    if (existsSync(file)) continue;
    throw new TenantDrError('config-invalid', `There is no file ${file}, which ${name} names.`, {
      hint: `Correct ${name} in DATABASE_URL or ${names[name as keyof typeof names]}.`,
    });
  }
  return { sslmode, files, environment };
}

const steps: [RegExp, string][] = [
  [/ALTNAME/, 'Connect by a name the certificate holds; sslmode=verify-ca checks only who signed it.'],
  [/EXPIRED/, 'Have the certificate of the server renewed, or look at the clock of this machine.'],
  [
    /SELF_SIGNED|UNABLE_TO|ISSUER|SIGNATURE/,
    'The certificate was not signed by the authority this program trusts: name the right file with sslrootcert=<file> in DATABASE_URL (or PGSSLROOTCERT). If it should be the right one, somebody may sit in between: do not go on without asking.',
  ],
];

/** A failed handshake as an error with a next step; null for any other failure. */
export function tlsFailure(error: unknown, location: string): TenantDrError | null {
  const words = reasonOf(error).replace(/\.$/, '');
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/does not support SSL/.test(words)) {
    const message = `${location} does not encrypt connections, and sslmode demands it.`;
    return new TenantDrError('database-unreachable', message, {
      cause: error,
      hint: 'Switch ssl on in the server’s postgresql.conf, or say sslmode=disable if the network is your own.',
    });
  }
  const step = steps.find(([pattern]) => pattern.test(code))?.[1];
  if (step === undefined && !/SSL|TLS|certificate|self.signed/i.test(`${code} ${words}`)) return null;
  return new TenantDrError('database-unreachable', `Cannot connect to ${location}: ${words}.`, {
    cause: error,
    hint:
      step ??
      'Check sslmode (disable, prefer, require, verify-ca, verify-full) and sslrootcert in DATABASE_URL.',
  });
}
