import { useState } from 'react';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { disabled } from '../keys.ts';
import { fit } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import { scrollTop } from '../window.ts';
import type { Inside } from './inside.ts';

interface Props extends Inside {
  title: string;
  lines: Line[];
  /** Begin at the end, for output. */
  atEnd?: boolean;
  /** Undefined while there is nothing to go back to. */
  onBack?: () => void;
}

/** A text to read: output, help, preview, pictures. */
export function TextScreen({
  header,
  area,
  left,
  active = true,
  title,
  lines,
  atEnd = false,
  onBack,
  onQuit,
}: Props) {
  const rows = Math.max(1, bodyRows(area, header) - 1);
  const [top, setTop] = useState<number | null>(null);
  const last = Math.max(0, lines.length - rows);
  // Output that grows is followed until the operator scrolls.
  const shownTop = Math.min(last, top ?? (atEnd ? last : 0));
  const keys = useKeys(
    'text',
    {
      scroll: (key) => setTop(scrollTop(shownTop, key, lines.length, rows)),
      back: onBack ?? disabled('one moment'),
      quit: onQuit,
    },
    { width: area.columns, left, active },
  );
  const place =
    lines.length > rows
      ? ` ${shownTop + 1}–${Math.min(lines.length, shownTop + rows)} of ${lines.length}`
      : '';
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          fit(line(span(` ${title}`, 'strong'), span(place, 'muted')), area.columns),
          ...lines.slice(shownTop, shownTop + rows).map((text) => fit(text, area.columns)),
        ]}
      />
    </Screen>
  );
}
