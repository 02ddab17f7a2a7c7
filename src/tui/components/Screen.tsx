import { Box, useWindowSize } from 'ink';
import type { ReactNode } from 'react';
import type { ScreenName } from '../keys.ts';
import { type Area, fit, isTooSmall, rule, smallest } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import { helpLines } from '../view/help.ts';
import { useSurroundings } from './context.ts';
import { Lines } from './Lines.tsx';
import type { Keys } from './use-keys.ts';

/** The terminal's size; every screen lays itself out by it. */
export function useArea(): Area {
  const { columns, rows } = useWindowSize();
  return { columns: Math.max(1, columns), rows: Math.max(1, rows) };
}

/** Rows a screen's body may use, once header, footer and their rules are drawn. */
export function bodyRows(area: Area, header: readonly Line[]): number {
  return Math.max(0, area.rows - header.length - 3);
}

interface ScreenProps {
  area: Area;
  header: readonly Line[];
  keys: Keys;
  children: ReactNode;
}

/** Header, rule, body, rule, footer: exactly as high as the terminal. */
export function Screen({ area, header, keys, children }: ScreenProps) {
  const { theme } = useSurroundings();
  if (isTooSmall(area)) return <TooSmall area={area} />;
  const { footer, help } = keys;
  const shown = help ? <Lines lines={helpAt(help, area.columns, bodyRows(area, header))} /> : children;
  if (theme.screenReader) {
    return (
      <Box flexDirection="column">
        <Lines lines={header} />
        {shown}
        <Lines lines={[footer]} />
      </Box>
    );
  }
  const width = area.columns;
  return (
    <Box flexDirection="column" width={width} height={area.rows} overflow="hidden">
      <Lines lines={[...header.map((part) => fit(part, width)), indentedRule(width)]} />
      <Box flexDirection="column" height={bodyRows(area, header)} overflow="hidden">
        {shown}
      </Box>
      <Lines lines={[indentedRule(width), fit(footer, width)]} />
    </Box>
  );
}

function helpAt(help: { screen: ScreenName; top: number }, width: number, rows: number): Line[] {
  const lines = helpLines(help.screen, width);
  const top = Math.min(help.top, Math.max(0, lines.length - rows));
  return lines.slice(top, top + rows);
}

function indentedRule(width: number): Line {
  return line(' ', ...rule(width - 2));
}

/** Below the smallest size nothing useful fits; the run goes on meanwhile. */
function TooSmall({ area }: { area: Area }) {
  const text = [
    'The terminal is too small.',
    `It is ${area.columns}x${area.rows};`,
    `at least ${smallest.columns}x${smallest.rows} is needed.`,
    'Nothing was stopped; keys do nothing',
    'until it is larger. Ctrl-C leaves.',
  ];
  return (
    <Box flexDirection="column" width={area.columns} height={area.rows} overflow="hidden">
      <Lines lines={text.slice(0, area.rows).map((part) => fit(line(span(part, 'warning')), area.columns))} />
    </Box>
  );
}
