/** One measured line: ours against a baseline. */
export interface Line {
  what: string;
  cold: boolean;
  seconds: number;
  bytes?: number;
  /** Name and seconds (or bytes) of what it is measured against. */
  against?: { name: string; seconds: number; bytes?: number };
  /** ours / baseline; for "times faster" lines, baseline / ours. */
  ratio?: number;
  /** What the ratio must keep: `at most` or `at least` this. */
  limit?: { most?: number; least?: number };
  note?: string;
}

export function verdict({ ratio, limit }: Line): 'ok' | 'MISSED' | '' {
  if (ratio === undefined || limit === undefined) return '';
  const kept =
    (limit.most === undefined || ratio <= limit.most) && (limit.least === undefined || ratio >= limit.least);
  return kept ? 'ok' : 'MISSED';
}

export function printTable(lines: Line[]): string {
  const head = ['what', 'cache', 'seconds', 'MB', 'against', 'seconds', 'MB', 'ratio', 'target', ''];
  const rows = lines.map((line) => [
    line.what,
    line.cold ? 'cold' : 'warm',
    line.seconds.toFixed(2),
    megabytes(line.bytes),
    line.against?.name ?? '',
    line.against ? line.against.seconds.toFixed(2) : '',
    megabytes(line.against?.bytes),
    line.ratio === undefined ? '' : line.ratio.toFixed(2),
    line.limit?.most !== undefined
      ? `<= ${line.limit.most}`
      : line.limit?.least !== undefined
        ? `>= ${line.limit.least}`
        : '',
    [verdict(line), line.note ?? ''].filter(Boolean).join(' · '),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const text = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [text(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(text)].join('\n');
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? '' : (bytes / 1e6).toFixed(1);
}
