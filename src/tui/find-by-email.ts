import type { Context } from '../cli/context.ts';
import { classify } from '../engine/ownership.ts';
import { buildShape } from '../engine/shape.ts';

/** More hits than this for one text are no help in finding a customer. */
const mostHits = 1000;

/** Ids of the tenants that have the text in a column of `tenants.search` (e-mails of users, say). */
export async function tenantsWith(context: Context, text: string): Promise<ReadonlySet<string>> {
  const config = await context.config();
  const database = await context.openDatabase();
  const session = await database.open({ mode: 'read' });
  try {
    const schema = await session.schema();
    const shape = buildShape(schema, classify(schema, config), config, { mode: 'exact' });
    const found = new Set<string>();
    for (const place of config.tenants.search) {
      const dot = place.lastIndexOf('.');
      const [table, column] = [place.slice(0, dot), place.slice(dot + 1)];
      const hits = await session.search({ shape, table, column, text, limit: mostHits });
      for (const hit of hits) found.add(hit.tenant.text);
    }
    return found;
  } finally {
    await session.close();
  }
}
