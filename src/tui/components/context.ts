import { createContext, useContext } from 'react';
import type { Theme } from '../theme.ts';

/** What every component may use besides its props: how things look, and what time it is. */
export interface Surroundings {
  theme: Theme;
  /** The wall clock; tests give their own. */
  now: () => Date;
  /** The environment, for the person's own editor. */
  env: Record<string, string | undefined>;
}

export const SurroundingsContext = createContext<Surroundings | null>(null);

export function useSurroundings(): Surroundings {
  const surroundings = useContext(SurroundingsContext);
  if (!surroundings) throw new Error('Components must be rendered by renderScreen.');
  return surroundings;
}
