import type { Sql } from './sql.ts';

/** Facts of the PostgreSQL catalog, one object a table. */

export interface RelationColumn {
  name: string;
  /** As format_type prints it, with length or precision. */
  type: string;
  /** The type below domains, without length or precision: what staged text is cast to. */
  baseType: string;
  /** Internal name of the base type, and its length or precision as PostgreSQL stores it (-1: none). */
  baseName: string;
  modifier: number;
  domain: boolean;
  notNull: boolean;
  hasDefault: boolean;
  generated: boolean;
  /** What a generated column is computed from. */
  expression: string | null;
  identity: 'always' | 'default' | null;
  collation: string | null;
  /** Text equality of printed values is equality of the type. */
  exact: boolean;
  /** pg_type.typcategory: N number, S string, D date, R range, U user. */
  category: string;
}

/** A term of a unique index: a column or an expression. */
export interface Term {
  column: string | null;
  sql: string;
  /** Operator of an exclusion constraint for this term; `=` for a unique index. */
  operator: string;
}

export interface Unique {
  name: string;
  terms: Term[];
  predicate: string | null;
  primary: boolean;
  exclusion: boolean;
  nullsNotDistinct: boolean;
  deferrable: boolean;
}

export type ForeignAction = 'a' | 'r' | 'c' | 'n' | 'd';
export const foreignActions: Record<ForeignAction, string> = {
  a: 'NO ACTION',
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SET NULL',
  d: 'SET DEFAULT',
};

export interface Reference {
  name: string;
  /** Referencing table: its own schema and name, for keys that come from another schema. `root`: the table whose partition it is, else itself. */
  from: { schema: string; table: string; oid: string; root: { table: string; oid: string } };
  columns: string[];
  /** Referenced table, with its schema in front when that is another one. */
  table: string;
  parent: { schema: string; table: string; oid: string };
  parentColumns: string[];
  onDelete: ForeignAction;
  onUpdate: ForeignAction;
  deferrable: boolean;
  /** NOT VALID keys may be broken already. */
  validated: boolean;
  /** A PERIOD key (18): the last column overlaps instead of being equal, and is left out of `columns`. */
  period: boolean;
}

export interface RelationTrigger {
  name: string;
  /** The table it is on, in SQL: a partition can have triggers of its own. */
  table: string;
  sql: string;
  /** O origin, D disabled, R replica, A always. */
  enabled: string;
}

export interface Counter {
  column: string;
  sequence: string;
  increment: string;
  cycles: boolean;
}

export interface Relation {
  oid: string;
  name: string;
  kind: 'r' | 'p' | 'f';
  extension: boolean;
  /** Physical tables that hold the rows and bear the counters: the leaves, or itself. */
  leaves: string[];
  /** Its partitions of every level, in whatever schema. */
  partitions: { schema: string; name: string; leaf: boolean }[];
  columns: RelationColumn[];
  primaryKey: string[];
  uniques: Unique[];
  foreignKeys: Reference[];
  /** Keys from anywhere that refer to this table. */
  referencedBy: Reference[];
  triggers: RelationTrigger[];
  rules: RelationTrigger[];
  counters: Counter[];
  /** Some leaf is a foreign table: its writes are not counted. */
  foreignLeaf: boolean;
  hasChildren: boolean;
}

export async function readCatalog(sql: Sql, schema: string): Promise<Map<string, Relation>> {
  const bare = await sql.json<Omit<Relation, 'foreignKeys' | 'referencedBy'>[]>(relationsQuery, [schema]);
  const references = ofWholeTables(await sql.json<Reference[]>(referencesQuery, [schema]), bare);
  for (const key of references) {
    key.table = key.parent.schema === schema ? key.parent.table : `${key.parent.schema}.${key.parent.table}`;
  }
  const relations = bare.map((relation) => ({
    ...relation,
    foreignKeys: references.filter((key) => key.from.oid === relation.oid),
    referencedBy: references.filter((key) => key.parent.oid === relation.oid),
  }));
  return new Map(relations.map((relation) => [relation.name, relation]));
}

/**
 * A key that every partition declares for itself is one of the whole table: rows belong to tenants through it. One that
 * only some of them have stays theirs.
 */
function ofWholeTables(references: Reference[], relations: Pick<Relation, 'oid' | 'leaves'>[]): Reference[] {
  const found = new Map<string, Reference[]>();
  for (const key of references) {
    const { from, parent, columns, parentColumns, onDelete, onUpdate } = key;
    const same = JSON.stringify([from.root.oid, parent.oid, columns, parentColumns, onDelete, onUpdate]);
    found.set(same, [...(found.get(same) ?? []), key]);
  }
  return [...found.values()].flatMap((keys) => {
    const [first] = keys as [Reference];
    const { root, schema } = first.from;
    const leaves = relations.find(({ oid }) => oid === root.oid)?.leaves ?? [];
    const declared = new Set(keys.map(({ from }) => from.oid));
    if (declared.has(root.oid) || !leaves.every((leaf) => declared.has(leaf))) return keys;
    return [{ ...first, from: { schema, table: root.table, oid: root.oid, root } }];
  });
}

const exactTypes = `'int2','int4','int8','uuid','text','varchar','date'`;

const columnsQuery = `
  SELECT coalesce(json_agg(json_build_object(
    'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'baseType', format_type(base.oid, -1),
    'baseName', base.typname, 'modifier', CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, 'domain', t.typtype = 'd',
    'notNull', a.attnotnull OR t.typnotnull, 'hasDefault', a.atthasdef AND a.attgenerated = '', 'generated', a.attgenerated <> '',
    'expression', CASE WHEN a.attgenerated <> '' THEN (SELECT pg_get_expr(ad.adbin, ad.adrelid) FROM pg_attrdef ad WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum) END,
    'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'default' END,
    'collation', CASE WHEN a.attcollation <> t.typcollation THEN l.collname END,
    'exact', base.typname IN (${exactTypes}) AND t.typtype = 'b' AND coalesce(l.collisdeterministic, true),
    'category', base.typcategory) ORDER BY a.attnum), '[]')
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_type base ON base.oid = CASE WHEN t.typtype <> 'd' THEN t.oid ELSE (
    WITH RECURSIVE b AS (
      SELECT t.oid, t.typbasetype, t.typtype UNION ALL
      SELECT u.oid, u.typbasetype, u.typtype FROM b JOIN pg_type u ON u.oid = b.typbasetype WHERE b.typtype = 'd')
    SELECT oid FROM b WHERE typtype <> 'd') END
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

const uniquesQuery = `
  SELECT coalesce(json_agg(json_build_object(
    'name', ic.relname, 'primary', i.indisprimary, 'exclusion', con.conexclop IS NOT NULL,
    'predicate', pg_get_expr(i.indpred, i.indrelid), 'deferrable', coalesce(con.condeferrable, false),
    'nullsNotDistinct', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
    'terms', (SELECT json_agg(json_build_object('column', a.attname, 'sql', pg_get_indexdef(i.indexrelid, k.n::int, false),
        'operator', CASE WHEN con.conexclop IS NULL THEN '=' ELSE
          (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid = con.conexclop[k.n]) END)
        ORDER BY k.n)
      FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
      LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
      WHERE k.n <= i.indnkeyatts)) ORDER BY NOT i.indisprimary, ic.relname), '[]')
  FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
  LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
  WHERE i.indrelid = c.oid AND (i.indisunique OR con.conexclop IS NOT NULL) AND i.indisvalid`;

/** OFFSET 0: where the catalog was never analyzed, as in a database just loaded, all defaults would be read for each table. */
const countersQuery = `
  SELECT coalesce(json_agg(json_build_object('column', x.attname, 'sequence', format('%I.%I', x.nspname, x.relname),
    'increment', s.seqincrement::text, 'cycles', s.seqcycle)), '[]')
  FROM (
    SELECT a.attname, n.nspname, q.relname, q.oid FROM pg_attrdef ad
      JOIN pg_attribute a ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
      CROSS JOIN LATERAL (SELECT refobjid FROM pg_depend WHERE classid = 'pg_attrdef'::regclass AND objid = ad.oid AND refclassid = 'pg_class'::regclass OFFSET 0) d
      JOIN pg_class q ON q.oid = d.refobjid AND q.relkind = 'S' JOIN pg_namespace n ON n.oid = q.relnamespace
      WHERE ad.adrelid = c.oid
    UNION
    SELECT a.attname, n.nspname, q.relname, q.oid FROM pg_depend d
      JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S' JOIN pg_namespace n ON n.oid = q.relnamespace
      JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND d.refobjid = c.oid
  ) x JOIN pg_sequence s ON s.seqrelid = x.oid`;

/** Condition on trigger `t`. Before 15 what a partition got from the table above it was marked as internal, as keys' triggers are. */
export const ofApplication = `(NOT t.tgisinternal OR t.tgparentid <> 0 AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype <> 't'))`;

const relationsQuery = `
  SELECT coalesce(json_agg(json_build_object(
    'oid', c.oid::text, 'name', c.relname, 'kind', c.relkind,
    'extension', EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'),
    'leaves', CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(json_agg(relid::oid::text), '[]') FROM pg_partition_tree(c.oid) WHERE isleaf AND relid <> c.oid)
      ELSE json_build_array(c.oid::text) END,
    'partitions', (SELECT coalesce(json_agg(json_build_object('schema', pn.nspname, 'name', p.relname, 'leaf', t.isleaf)), '[]')
      FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE t.relid <> c.oid),
    'foreignLeaf', c.relkind = 'f' OR c.relkind = 'p' AND EXISTS (SELECT FROM pg_partition_tree(c.oid) p JOIN pg_class f ON f.oid = p.relid WHERE f.relkind = 'f'),
    'hasChildren', c.relkind <> 'p' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid),
    'columns', (${columnsQuery}),
    'primaryKey', (SELECT coalesce(json_agg(a.attname ORDER BY k.n), '[]') FROM pg_index i
      CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE i.indrelid = c.oid AND i.indisprimary AND k.n <= i.indnkeyatts),
    'uniques', (${uniquesQuery}),
    'triggers', (SELECT coalesce(json_agg(json_build_object('name', t.tgname, 'table', format('%I.%I', tn.nspname, tc.relname),
        'sql', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled) ORDER BY t.tgrelid <> c.oid, t.tgname), '[]')
      FROM pg_trigger t JOIN pg_class tc ON tc.oid = t.tgrelid JOIN pg_namespace tn ON tn.oid = tc.relnamespace
      WHERE t.tgrelid = ANY (ARRAY(SELECT c.oid UNION ALL SELECT relid::oid FROM pg_partition_tree(c.oid))) AND ${ofApplication}),
    'rules', (SELECT coalesce(json_agg(json_build_object('name', r.rulename, 'table', format('%I.%I', n.nspname, c.relname), 'sql', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)), '[]')
      FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'),
    'counters', (${countersQuery})
  ) ORDER BY c.relname COLLATE "C"), '[]')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'`;

const referencesQuery = `
  SELECT coalesce(json_agg(json_build_object(
    'name', con.conname,
    'from', json_build_object('schema', fn.nspname, 'table', f.relname, 'oid', f.oid::text, 'root', json_build_object('table', r.relname, 'oid', r.oid::text)),
    'parent', json_build_object('schema', pn.nspname, 'table', p.relname, 'oid', p.oid::text),
    'columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(con.conkey) WITH ORDINALITY k(attnum, n)
      JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.attnum
      WHERE NOT x.period OR k.n < array_length(con.conkey, 1)),
    'parentColumns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(con.confkey) WITH ORDINALITY k(attnum, n)
      JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.attnum
      WHERE NOT x.period OR k.n < array_length(con.confkey, 1)),
    'onDelete', con.confdeltype, 'onUpdate', con.confupdtype, 'deferrable', con.condeferrable,
    'validated', con.convalidated, 'period', x.period) ORDER BY f.relname COLLATE "C", con.conname COLLATE "C"), '[]')
  FROM pg_constraint con
  CROSS JOIN LATERAL (SELECT coalesce((to_jsonb(con) ->> 'conperiod')::boolean, false) AS period) x
  JOIN pg_class f ON f.oid = con.conrelid JOIN pg_class r ON r.oid = coalesce(pg_partition_root(f.oid)::oid, f.oid) JOIN pg_namespace fn ON fn.oid = f.relnamespace
  JOIN pg_class p ON p.oid = con.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
  WHERE con.contype = 'f' AND con.conparentid = 0 AND (fn.nspname = $1 OR pn.nspname = $1)`;
