import { Box, Text } from 'ink';
import { toAscii } from '../ascii.ts';
import { type Line, plain } from '../line.ts';
import { useSurroundings } from './context.ts';

/** Draws lines. The only place where tones become styles. Rules are for the eye: nobody wants them read aloud. */
export function Lines({ lines: all }: { lines: readonly Line[] }) {
  const { theme } = useSurroundings();
  const lines = theme.screenReader ? all.filter((line) => !/^[─ ]+$/.test(plain(line))) : all;
  return (
    <Box flexDirection="column" flexShrink={0}>
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place on the screen
        <OneLine key={row} line={line} />
      ))}
    </Box>
  );
}

export function OneLine({ line }: { line: Line }) {
  const { theme } = useSurroundings();
  const drawn = (text: string): string => (theme.ascii ? toAscii(text) : text);
  return (
    <Text wrap="truncate">
      {line.length === 0
        ? ' '
        : line.map((piece, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a piece is its place in the line
            <Text key={index} {...theme.style(piece.tone)}>
              {drawn(piece.text)}
            </Text>
          ))}
    </Text>
  );
}
