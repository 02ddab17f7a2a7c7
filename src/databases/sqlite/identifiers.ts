/** Quoting for SQLite. Names are quoted, values are bound; a literal is only ever a name inside a message. */

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const termsInARow = 200;

/** Terms of any number with one operator between them: in a row they are as deep as they are many, and 1,000 is the deepest. */
export function chained(terms: string[], operator: ' AND ' | ' OR ' | '||'): string {
  if (terms.length <= termsInARow) return terms.join(operator);
  const half = terms.length >> 1;
  return [terms.slice(0, half), terms.slice(half)]
    .map((part) => `(${chained(part, operator)})`)
    .join(operator);
}

/** Temporary tables and triggers of ours carry this prefix: no application table is named so. */
export function temporary(name: string): string {
  return `"tenant_dr_${name}"`;
}

/** Column affinity by the declared type: SQLite documentation, "Datatypes In SQLite", section 3.1. */
export function affinityOf(type: string): 'INTEGER' | 'TEXT' | '' | 'REAL' | 'NUMERIC' {
  const upper = type.toUpperCase();
  if (upper.includes('INT')) return 'INTEGER';
  if (upper.includes('CHAR') || upper.includes('CLOB') || upper.includes('TEXT')) return 'TEXT';
  if (upper.includes('BLOB') || upper === '' || upper === 'ANY') return '';
  if (upper.includes('REAL') || upper.includes('FLOA') || upper.includes('DOUB')) return 'REAL';
  return 'NUMERIC';
}
