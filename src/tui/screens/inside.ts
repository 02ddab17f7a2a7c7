import { disabled, type Handler } from '../keys.ts';
import type { Area } from '../layout.ts';
import type { Line } from '../line.ts';

/** What can be opened over the screens of an incident. */
export type Overlay = 'preview' | 'output' | 'note' | 'message' | 'times' | 'handOver';

/** What every screen inside an incident is given: header, size, and the way out. */
export interface Inside {
  header: readonly Line[];
  area: Area;
  /** Beginning of the footer: `step 3/5`. */
  left?: string;
  /** False while something is open over the screen, which then keeps its state and takes no keys. */
  active?: boolean;
  /** Opens something over the screen; undefined outside an incident. */
  onOpen?: (overlay: Overlay) => void;
  /** The operator wants to leave; asks before anything happens. */
  onQuit: () => void;
}

type Anytime = Record<'output' | 'note' | 'message' | 'times' | 'handOver', Handler>;

/** The keys that work wherever no text is typed. */
export function anytime({ onOpen }: Pick<Inside, 'onOpen'>): Anytime {
  const open = (overlay: Overlay): Handler =>
    onOpen ? () => onOpen(overlay) : disabled('not on this screen');
  return {
    output: open('output'),
    note: open('note'),
    message: open('message'),
    times: open('times'),
    handOver: open('handOver'),
  };
}
