import { resolve } from 'node:path';
import { TenantDrError } from '../errors.ts';

/**
 * The one spelling of a database the rest of the program knows: `sqlite:<absolute path>` or `postgres://…`.
 * Reads a bare path, `sqlite:path`, `sqlite://path`, `file:path` and PostgreSQL URLs. Relative paths count from
 * `base`. Throws `usage` for another kind of URL; a password in it is never repeated.
 */
export function databaseUrl(text: string, base: string): string {
  const value = text.trim();
  if (value === '')
    throw new TenantDrError('usage', 'the database is named by an empty text', { hint: namedHow });
  if (/^postgres(ql)?:\/\//i.test(value)) return postgresUrl(value);
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(value)?.[1]?.toLowerCase();
  if (scheme === undefined) return `sqlite:${resolve(base, value)}`;
  if (scheme !== 'sqlite' && scheme !== 'sqlite3' && scheme !== 'file') {
    throw new TenantDrError('usage', `a database of kind ${scheme}: cannot be read`, { hint: namedHow });
  }
  const path = value
    .slice(scheme.length + 1)
    .replace(/^\/\/(?=\/)/, '')
    .replace(/^\/\//, '')
    .replace(/\?.*$/, '');
  if (path === '') throw new TenantDrError('usage', `${scheme}: names no file`, { hint: namedHow });
  return `sqlite:${resolve(base, path)}`;
}

const namedHow = 'give a path, sqlite:<path> or postgres://user@host:5432/name?schema=public';

function postgresUrl(given: string): string {
  // With a socket the place of the host stays empty, which other URLs do not know.
  const value = /[?&]host=/.test(given) ? given.replace(/^(\w+:\/\/[^/?#]*@)(?=\/)/, '$1localhost') : given;
  if (!URL.canParse(value)) {
    throw new TenantDrError('usage', 'the postgres:// URL cannot be read', {
      hint: 'write special characters in user and password as %XX; better, leave the password to PGPASSWORD or ~/.pgpass',
    });
  }
  return value.replace(/^postgresql:/i, 'postgres:');
}

/** Whether a URL carries a password. */
export function hasPassword(url: string): boolean {
  return url.startsWith('postgres:') && new URL(url).password !== '';
}

/** The same database for a person to read: no password, `sqlite:` left out. */
export function shownDatabase(url: string): string {
  if (!url.startsWith('postgres:')) return url.replace(/^sqlite:/, '');
  const shown = new URL(url);
  shown.password = '';
  shown.searchParams.delete('password');
  return shown.toString();
}
