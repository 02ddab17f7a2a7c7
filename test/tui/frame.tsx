import type { ReactNode } from 'react';
import { expect } from 'vitest';
import { useArea } from '../../src/tui/components/Screen.tsx';
import type { Inside } from '../../src/tui/screens/inside.ts';
import { headerLines } from '../../src/tui/view/header.ts';
import { header } from './samples.ts';

/** A screen as it stands inside an incident: header above, size from the terminal. */
export function Framed({
  onQuit = () => {},
  children,
}: {
  onQuit?: () => void;
  children: (inside: Inside) => ReactNode;
}) {
  const area = useArea();
  return children({ area, header: headerLines(header, area.columns), left: 'step 3/5', onQuit });
}

/** Long enough for a guarded screen to take keys. */
export const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 330));
/** Long enough for a key to have had its effect, if it has one. */
export const beat = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 80));
/** Waits for something to become true, however busy the machine is. */
export const eventually = <T,>(look: () => T) => expect.poll(look, { timeout: 10_000 });
