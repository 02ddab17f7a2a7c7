import { printable } from '../engine/printable.ts';

/** An undo puts the tenant's own row back whole, its status too. */
export interface StatusBack {
  before: string | null;
  after: string | null;
  /** The tenant can work with it. */
  active: boolean;
}

export function statusBackSaid({ before, after, active }: StatusBack, slug: string): string {
  const told = (status: string | null) => printable(status ?? 'NULL');
  const then = active ? '' : `, so that it cannot work until \`tenant-dr reactivate ${printable(slug)}\``;
  return `The status of ${printable(slug)}, with its rows: from ${told(before)} to ${told(after)}${then}.`;
}
