import type { Context } from '../cli/context.ts';
import { classify } from '../engine/ownership.ts';
import { buildShape } from '../engine/shape.ts';

/** More hits than this for one text are no help in finding a customer. */
const mostHits = 1000;

/**
 * Looks a text up in the columns of `tenants.search` (e-mails of users, say). Returns null where the config names
 * none. The answer is the set of tenant ids.
 */
export async function emailFinder(
  context: Context,
): Promise<((text: string) => Promise<ReadonlySet<string>>) | null> {
  const config = await context.config();
  const places = config.tenants.search.map((place) => {
    const dot = place.lastIndexOf('.');
    return { table: place.slice(0, dot), column: place.slice(dot + 1) };
  });
  if (places.length === 0) return null;
  return async (text) => {
    const database = await context.openDatabase();
    const session = await database.open({ mode: 'read' });
    try {
      const schema = await session.schema();
      const shape = buildShape(schema, classify(schema, config), config, { mode: 'exact' });
      const found = new Set<string>();
      for (const { table, column } of places) {
        const hits = await session.search({ shape, table, column, text, limit: mostHits });
        for (const hit of hits) found.add(hit.tenant.text);
      }
      return found;
    } finally {
      await session.close();
    }
  };
}
