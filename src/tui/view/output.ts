import { printable } from '../../engine/printable.ts';
import type { RunnerView } from '../../runbook/view.ts';
import { paragraph } from '../layout.ts';
import { type Line, line, span } from '../line.ts';

/** What one task said. */
export interface TaskOutput {
  task: string;
  lines: readonly string[];
}

/**
 * The view holds only the lines of the task at hand; this keeps what it said when the next one begins. A task
 * that is tried again says everything anew.
 */
export function keepOutput(kept: readonly TaskOutput[], view: RunnerView): readonly TaskOutput[] {
  const { task, output } = view;
  if (task === null || output.length === 0) return kept;
  const last = kept.at(-1);
  if (last?.task === task && last.lines === output) return kept;
  const before = last?.task === task && output.length >= last.lines.length ? kept.slice(0, -1) : kept;
  return [...before, { task, lines: output }];
}

export function outputLines(outputs: readonly TaskOutput[], width: number): Line[] {
  if (outputs.length === 0) return [line(span(' No step has said anything yet.', 'muted'))];
  return outputs.flatMap(({ task, lines }) => [
    line(span(` ${printable(task)}`, 'accent')),
    ...lines.flatMap((text) => paragraph(printable(text), width - 4, 'plain', 3)),
  ]);
}
