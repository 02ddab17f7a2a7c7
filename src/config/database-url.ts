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
  if (isPostgres(value)) {
    checkedPostgres(value);
    return withHost(value).replace(/^postgresql:/i, 'postgres:');
  }
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

/** With a socket the place of the host stays empty, which other URLs do not know. */
function withHost(value: string): string {
  return /[?&]host=/.test(value) ? value.replace(/^(\w+:\/\/[^/?#]*@)(?=\/)/, '$1localhost') : value;
}

/** Whether a text is, or is meant to be, the address of a PostgreSQL database. */
export function isPostgres(text: string): boolean {
  return /^postgres(ql)?:\/\//i.test(text);
}

/** The address of a PostgreSQL database, in its parts. Throws `usage` for one that cannot be read. */
export function checkedPostgres(value: string): URL {
  let cause: unknown;
  try {
    const url = new URL(withHost(value));
    decoded(url.username + url.password);
    if (!isTorn(url)) return url;
  } catch (error) {
    cause = error;
  }
  throw new TenantDrError('usage', 'the postgres:// URL cannot be read', {
    hint: 'write special characters in user and password as %XX; better, leave the password to PGPASSWORD or ~/.pgpass',
    cause,
  });
}

/** Part of an address as it was meant. A % that begins no encoded character stands for itself, as it does for the driver. */
export function decoded(text: string): string {
  return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'));
}

/** A bare / ? or # in a password ends the host before it: what follows would be shown as path, parameter or fragment. */
function isTorn({ pathname, searchParams, hash }: URL): boolean {
  return hash !== '' || [pathname, ...searchParams.keys()].some((part) => part.includes('@'));
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
