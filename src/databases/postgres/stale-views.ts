import type { Workspace } from './workspace.ts';

/** Views that read one of these relations, and views that read those: what is read stands before what reads it. */
const readers = `
  WITH RECURSIVE reader (oid, depth) AS (
    SELECT unnest($1::oid[]), 0
    UNION
    SELECT r.ev_class, depth + 1 FROM reader
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = reader.oid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> reader.oid)
  SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM reader JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'm' AND c.relispopulated GROUP BY 1 ORDER BY max(depth), 1`;

/** Materialized views, of all schemas, that go on showing the rows from before the change. */
export async function staleViews(work: Workspace): Promise<string[]> {
  const changed = work.slots.filter(({ rows }) => rows.want + rows.gone > 0);
  if (changed.length === 0) return [];
  const oids = changed.flatMap(({ relation }) => [relation.oid, ...relation.leaves]);
  const found = await work.sql.rows(readers, [`{${oids.join(',')}}`]);
  return found.map(({ name }) => name ?? '');
}

/** What to say of them with a result. */
export function notesOn(views: string[]): string[] {
  if (views.length === 0) return [];
  const statements = views.map((name) => `REFRESH MATERIALIZED VIEW ${name};`).join(' ');
  return [`Materialized views show the rows from before until they are refreshed: ${statements}`];
}
