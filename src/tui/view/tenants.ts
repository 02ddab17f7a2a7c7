import { printable } from '../../engine/printable.ts';
import { type Tier, tiers } from '../../policy/tiers.ts';
import { count, inWords, limit } from '../format.ts';
import { fit, pad, paragraph } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import type { Window } from '../window.ts';
import { fact } from './side.ts';

/** Finding a tenant from a complaint: by id, slug, name or a user's e-mail, as one types. */

export interface TenantEntry {
  id: string;
  slug: string;
  name: string;
  tier: Tier;
  status: string | null;
  /** Seconds since the newest backup that holds it; null when none does. */
  backupAgeSeconds: number | null;
  rpoMet: boolean | null;
  rpoSeconds: number;
  /** Exists only in a backup. */
  gone?: boolean;
}

/** The tenants with what they are searched by, made once for all keystrokes. */
export interface TenantIndex {
  entries: TenantEntry[];
  haystacks: string[];
}

const fold = (text: string): string => text.normalize('NFKC').toLowerCase();

/** Sorted by tier, then name. */
export function indexTenants(entries: readonly TenantEntry[]): TenantIndex {
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  const sorted = [...entries].sort(
    (a, b) => tiers.indexOf(a.tier) - tiers.indexOf(b.tier) || compare(a.name, b.name),
  );
  return {
    entries: sorted,
    haystacks: sorted.map((entry) => fold(`${entry.id}\n${entry.slug}\n${entry.name}`)),
  };
}

/** How well a tenant answers the search; lower is better, null is not at all. */
function rank(
  entry: TenantEntry,
  haystack: string,
  wanted: string,
  byEmail: ReadonlySet<string>,
): number | null {
  const [id, slug, name] = haystack.split('\n') as [string, string, string];
  if (id === wanted || slug === wanted) return 0;
  if (slug.startsWith(wanted) || name.startsWith(wanted)) return 1;
  if (haystack.includes(wanted)) return 2;
  return byEmail.has(entry.id) ? 3 : null;
}

/**
 * Tenants that answer a search, best first; all of them for an empty one. `byEmail` are ids found through the
 * configured search columns, which the database looks up.
 */
export function findTenants(index: TenantIndex, text: string, byEmail: ReadonlySet<string>): TenantEntry[] {
  const wanted = fold(text.trim());
  if (wanted === '') return index.entries;
  const ranked: { entry: TenantEntry; place: number }[] = [];
  index.entries.forEach((entry, at) => {
    const haystack = index.haystacks[at] ?? '';
    // Most tenants do not match at all: they are passed over without being taken apart.
    if (!haystack.includes(wanted) && !byEmail.has(entry.id)) return;
    const place = rank(entry, haystack, wanted, byEmail);
    if (place !== null) ranked.push({ entry, place });
  });
  return ranked.sort((a, b) => a.place - b.place).map(({ entry }) => entry);
}

/** The search is in the id, the slug or the name. */
export function namesAnswer(entry: TenantEntry, text: string): boolean {
  return fold(`${entry.id}\n${entry.slug}\n${entry.name}`).includes(fold(text.trim()));
}

/** What tier, slug, status and the age of the backup leave over. */
function nameWidth(width: number): number {
  return Math.max(12, width - 60);
}

export function tenantHeading(width: number): Line {
  return fit(
    line(
      span(
        `   ${pad('tier', 10)} ${pad('name', nameWidth(width))} ${pad('slug', 18)} ${pad('status', 9)} backup`,
        'muted',
      ),
    ),
    width,
  );
}

export function tenantRow(entry: TenantEntry, marked: boolean, width: number, byEmail = false): Line {
  const age = entry.backupAgeSeconds === null ? 'none' : inWords(entry.backupAgeSeconds);
  const status = entry.gone ? 'GONE' : (entry.status ?? '');
  const text = ` ${marked ? '▶' : ' '} ${pad(entry.tier, 10)} ${pad(printable(entry.name), nameWidth(width))} ${pad(printable(entry.slug), 18)} ${pad(printable(status), 9)} `;
  const health =
    entry.rpoMet === false || entry.backupAgeSeconds === null ? ('bad' as const) : ('good' as const);
  return fit(
    line(
      span(text, marked ? 'selected' : 'plain'),
      span(`${age}${entry.rpoMet === false ? ' RPO!' : ''}`, marked ? 'selected' : health),
      byEmail && span(' by e-mail', marked ? 'selected' : 'accent'),
    ),
    width,
  );
}

/** The marked tenant in full, beside the list. */
export function tenantDetail(entry: TenantEntry | undefined, byEmail: boolean, width: number): Line[] {
  if (!entry) return [];
  const age = entry.backupAgeSeconds === null ? 'none holds it' : `${inWords(entry.backupAgeSeconds)} old`;
  return [
    ...paragraph(printable(entry.name), width, 'strong'),
    ...fact('slug', printable(entry.slug), width),
    ...fact('id', printable(entry.id), width),
    ...fact('tier', entry.tier, width),
    ...fact(
      'status',
      entry.gone ? 'its row is gone; it exists only in a backup' : printable(entry.status ?? 'none'),
      width,
      entry.gone ? 'bad' : 'plain',
    ),
    ...fact('backup', age, width),
    ...fact(
      `RPO ${limit(entry.rpoSeconds)}`,
      entry.rpoMet ? 'met by the newest backup' : 'NOT met: backups are too old',
      width,
      entry.rpoMet ? 'good' : 'bad',
    ),
    ...(byEmail ? fact('found by', 'the e-mail address of one of its users', width, 'accent') : []),
  ];
}

export function tenantRows(
  found: TenantEntry[],
  window: Window,
  width: number,
  rows: number,
  byEmail: (entry: TenantEntry) => boolean = () => false,
): Line[] {
  if (found.length === 0)
    return [line(span('   Nothing answers that. Ids, slugs, names and e-mails are looked at.', 'warning'))];
  return found
    .slice(window.top, window.top + rows)
    .map((entry, index) => tenantRow(entry, window.top + index === window.cursor, width, byEmail(entry)));
}

export function foundLine(found: number, total: number, searching: boolean): string {
  return `${count(found)} of ${count(total)}${searching ? ' · looking through e-mails …' : ''}`;
}
