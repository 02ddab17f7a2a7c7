/** What came of one of several tenants, as a restore of several lists it. */
export interface OneResult {
  tenant: { id: number | string; slug: string };
  error?: { code: string; message: string; hint?: string };
  /** False: its turn never came. */
  begun?: boolean;
  tables?: { insert: number; update: number; delete: number }[];
}

/** The list of an action's output; undefined for what has no such list. */
export function resultsOf(output: unknown): OneResult[] | undefined {
  return (output as { results?: OneResult[] } | null | undefined)?.results;
}

/** The first tenant whose turn never came: its incident stays open for it. */
export function firstNotBegun(output: unknown): OneResult | undefined {
  return resultsOf(output)?.find(({ begun }) => begun === false);
}
