import { Box } from 'ink';
import SelectInput from 'ink-select-input';
import { createContext, useContext } from 'react';
import { fit } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import { OneLine } from './Lines.tsx';

export interface ChoiceItem<T> {
  key: string;
  value: T;
  label: Line;
}

interface ChoiceProps<T> {
  items: ChoiceItem<T>[];
  width: number;
  /** Rows to use; a longer list turns round. */
  rows: number;
  active?: boolean;
  index?: number;
  onSelect: (value: T) => void;
  onHighlight?: (value: T) => void;
}

/** ink-select-input hands an item's key to the component that draws it; this says what the keys stand for. */
const Drawing = createContext<{ labels: ReadonlyMap<string, Line>; width: number }>({
  labels: new Map(),
  width: 0,
});

/** A short list to choose from, drawn by ink-select-input with our lines. */
export function Choice<T>({
  items,
  width,
  rows,
  active = true,
  index = 0,
  onSelect,
  onHighlight,
}: ChoiceProps<T>) {
  const limit = Math.max(1, rows);
  return (
    <Drawing.Provider value={{ labels: new Map(items.map((item) => [item.key, item.label])), width }}>
      <Box flexDirection="column" flexShrink={0}>
        <SelectInput
          key={limit}
          items={items.map((item) => ({ key: item.key, label: item.key, value: item.value }))}
          limit={limit}
          initialIndex={index}
          isFocused={active}
          indicatorComponent={None}
          itemComponent={Item}
          onSelect={(item) => onSelect(item.value)}
          onHighlight={(item) => onHighlight?.(item.value)}
        />
      </Box>
    </Drawing.Provider>
  );
}

function Item({ label, isSelected = false }: { label: string; isSelected?: boolean }) {
  const { labels, width } = useContext(Drawing);
  const drawn = labels.get(label) ?? [];
  const mark = span(isSelected ? ' ▶ ' : '   ', 'accent');
  const body = isSelected ? drawn.map((piece) => span(piece.text, 'selected')) : drawn;
  return <OneLine line={fit(line(mark, ...body), width)} />;
}

function None() {
  return null;
}
