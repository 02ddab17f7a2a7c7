import { checkedPostgres, decoded, isPostgres } from './database-url.ts';

/**
 * Passwords of addresses typed where the text is kept (`--from postgres://…` stands in the journal, in reports and
 * in documents): they stay in this process, and the address goes on without.
 */
const passwords = new Map<string, string>();

/**
 * The address without its password, which `rememberedPassword` then knows; any other text as it is. Throws `usage` for
 * an address that cannot be read: where its password is nobody knows.
 */
export function withoutPassword(text: string): string {
  if (!isPostgres(text)) return text;
  const url = checkedPostgres(text);
  const password = url.password === '' ? url.searchParams.get('password') : decoded(url.password);
  if (password === null) return text;
  url.password = '';
  url.searchParams.delete('password');
  passwords.set(url.toString(), password);
  return url.toString();
}

/** The password that was taken from this address. */
export function rememberedPassword(address: string): string | undefined {
  return passwords.get(address);
}
