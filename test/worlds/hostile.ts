/** Triggers of the application that write into other tenants when a tenant's rows change. */
export const hostilities = [
  'update-other',
  'delete-other',
  'insert-other',
  'move-row',
  'replace-other',
  'shared',
] as const;
export type Hostility = (typeof hostilities)[number];

/** Planted in the nasty world, on every kind of change to `categories`: a recovery has to make some. */
export function hostileTrigger(kind: Hostility, column: string): string {
  const t = `"${column}"`;
  const body: Record<Hostility, string> = {
    'update-other': `UPDATE memos SET body = 'stolen' WHERE ${t} IS NOT NEW.${t};`,
    'delete-other': `DELETE FROM articles WHERE ${t} IS NOT NEW.${t};`,
    'insert-other': `INSERT INTO audit_log (${t}, what) SELECT id, 'planted' FROM tenants WHERE id IS NOT NEW.${t};`,
    'move-row': `UPDATE memos SET ${t} = NEW.${t} WHERE ${t} IS NOT NEW.${t};`,
    'replace-other': `INSERT OR REPLACE INTO seats (id, ${t}, place) SELECT id, NEW.${t}, 'taken' FROM seats WHERE ${t} IS NOT NEW.${t} LIMIT 1;`,
    shared: `UPDATE countries SET name = 'conquered' WHERE code = 'XX';`,
  };
  return ['UPDATE', 'INSERT', 'DELETE']
    .map((event) => {
      const statement = event === 'DELETE' ? body[kind].replaceAll('NEW.', 'OLD.') : body[kind];
      return `CREATE TRIGGER "hostile ${event}" AFTER ${event} ON categories BEGIN ${statement} END;`;
    })
    .join('\n');
}
