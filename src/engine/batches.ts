/** Small work on many files or the like: some are waited for at a time, and never thousands opened at once. */
const together = 16;

/** The results of `work`, in the order of the items. Rejects with the first failure; nothing new is begun then. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += together) {
    results.push(...(await Promise.all(items.slice(start, start + together).map(work))));
  }
  return results;
}
