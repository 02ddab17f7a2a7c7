/** Names and values as they stand in SQL text. Names come from the catalog, values only where no parameter is possible. */

export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant that means the same whatever standard_conforming_strings says. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

export function identList(names: string[], alias?: string): string {
  return names.map((name) => (alias ? `${alias}.${ident(name)}` : ident(name))).join(', ');
}
