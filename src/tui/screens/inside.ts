import type { Area } from '../layout.ts';
import type { Line } from '../line.ts';

/** What every screen inside an incident is given: header, size, and the way out. */
export interface Inside {
  header: readonly Line[];
  area: Area;
  /** Beginning of the footer: `step 3/5`. */
  left?: string;
  /** The operator wants to leave; asks before anything happens. */
  onQuit: () => void;
}
