/** One of several results; what came of a tenant that failed is its `error`. */
interface Ended {
  tenant: unknown;
  error?: { code: string } | undefined;
}

/** Those whose COMMIT nobody answered: they may be done. */
export function unknownOf<One extends Ended>(results: One[]): One[] {
  return results.filter(({ error }) => error?.code === 'outcome-unknown');
}

/** What is said of several tenants where not all are known to be restored; null when they are. */
export function failuresSaid(results: Ended[]): string | null {
  const failed = results.filter(({ error }) => error).length;
  if (failed === 0) return null;
  const unknown = unknownOf(results).length;
  const parts = [
    failed > unknown ? `${failed - unknown} of ${results.length} tenants were not restored` : '',
    unknown > 0
      ? `of ${unknown} of ${results.length} tenants it is not known yet whether they were restored`
      : '',
    failed < results.length ? 'the others were' : '',
  ].filter((part) => part !== '');
  const said = parts.join('; ');
  return `${said[0]?.toUpperCase()}${said.slice(1)}.`;
}
