import { literal } from './identifiers.ts';

const tokens = /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"((?:[^"]|"")*)"|`(?:[^`]|``)*`|\[[^\]]*\]/g;

/**
 * A stored definition of a table, or an expression of one, to be used in a statement of ours: without comments,
 * and with strings in single quotes. SQLite reads what stands in double quotes and names no column as a string, in
 * what is stored; this build of it does not in statements. Names of tables, types and constraints may stand in
 * single quotes as well.
 */
export function storedText(sql: string, columns: string[]): string {
  const known = new Set(columns.map((column) => column.toLowerCase()));
  return sql
    .replace(tokens, (token: string, quoted: string | undefined) => {
      if (token.startsWith('--') || token.startsWith('/*')) return ' ';
      if (quoted === undefined) return token;
      const text = quoted.replaceAll('""', '"');
      return known.has(text.toLowerCase()) ? token : literal(text);
    })
    .trim();
}

/** A definition that `storedText` gave, with every CHECK holding always. */
export function withoutChecks(sql: string): string {
  return replaced(sql, 'CHECK', () => '1');
}

/** The same with NULL for what the database would compute. */
export function withoutGenerated(sql: string): string {
  return replaced(sql, 'AS', () => 'NULL');
}

/** What stands in brackets after a word. Of a table's definition: `AS (` begins nothing but a generated column. */
function replaced(sql: string, word: string, by: (text: string) => string): string {
  const marks = new RegExp(`${tokens.source}|\\b${word}\\s*\\(|[()]`, 'gi');
  let kept = '';
  let from = 0;
  let start = 0;
  let depth = 0;
  for (const { 0: token, index } of sql.matchAll(marks)) {
    const end = index + token.length;
    if (depth > 0) {
      depth += token === '(' ? 1 : token === ')' ? -1 : 0;
      if (depth > 0) continue;
      kept += `${word} (${by(sql.slice(start, index))})`;
      from = end;
    } else if (token.length > 1 && token.endsWith('(')) {
      kept += sql.slice(from, index);
      depth = 1;
      start = end;
    }
  }
  return kept + sql.slice(from);
}

/** The conditions of the CHECKs in a definition, however it is laid out. */
export function checksIn(sql: string): string[] {
  const checks: string[] = [];
  replaced(storedText(sql, []), 'CHECK', (condition) => {
    checks.push(condition.replaceAll(/\s+/g, ' ').trim());
    return condition;
  });
  return checks;
}

/**
 * The same definition with brackets around each condition, so that SQLite says all of one that fails: of a condition
 * that begins with a quoted name it says no more than this.
 */
export function withWholeChecks(sql: string): string {
  return replaced(sql, 'CHECK', (condition) => `(${condition})`);
}

const word = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\w$\u0080-\uffff]+/;

/**
 * What follows CREATE TABLE <name> in a stored definition, for a table called `as`: rules may name the table before a
 * column, too.
 */
export function definitionAs(as: string, table: { name: string; sql: string; columns: string[] }): string {
  const sql = storedText(table.sql, table.columns);
  const body = sql.replace(new RegExp(`^CREATE\\s+TABLE\\s+(?:${word.source})\\s*`, 'i'), '');
  return body.replace(new RegExp(`(${word.source})(\\s*\\.)?`, 'g'), (token, name: string, dot?: string) =>
    dot !== undefined && bare(name).toLowerCase() === table.name.toLowerCase() ? `${as}${dot}` : token,
  );
}

function bare(name: string): string {
  const mark = name[0] ?? '';
  if (mark === '[') return name.slice(1, -1);
  return '\'"`'.includes(mark) ? name.slice(1, -1).replaceAll(mark + mark, mark) : name;
}

/** A column's default, which may also be a bare name: `DEFAULT open` means the text 'open'. */
export function storedDefault(sql: string): string {
  const text = storedText(sql, []);
  const name = /^(?:`(.*)`|\[(.*)\]|([^\W\d]\w*))$/su.exec(text);
  const bare = name?.[1] ?? name?.[2] ?? name?.[3];
  if (bare === undefined || (name?.[3] && /^(null|true|false|current_(time|date|timestamp))$/i.test(bare)))
    return text;
  return literal(bare);
}
