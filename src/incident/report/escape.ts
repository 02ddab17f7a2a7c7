const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for HTML and SVG, in content and in attributes. */
export function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (character) => named[character] ?? character);
}
