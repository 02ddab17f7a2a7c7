import type { Report, ReportStep } from './report.ts';

/** A stretch of time; milliseconds since 1970 and seconds. */
export interface Bar {
  start: number;
  seconds: number;
}

/** One line of the chart: what was estimated, laid end to end from the opening, and what happened. */
export interface StepBars {
  step: ReportStep;
  estimate: Bar;
  actual: Bar | null;
}

export function barsOf(report: Report): StepBars[] {
  let start = Date.parse(report.times.openedAt);
  return report.steps.map((step) => {
    const estimate = { start, seconds: step.estimateSeconds };
    start += step.estimateSeconds * 1000;
    return { step, estimate, actual: actualOf(step, report.times.lastAt) };
  });
}

/** A step still running reaches to the last event; attempts before the last are not drawn. */
function actualOf(step: ReportStep, lastAt: string): Bar | null {
  if (!step.startedAt) return null;
  const start = Date.parse(step.startedAt);
  const end = Date.parse(step.endedAt ?? lastAt);
  return { start, seconds: Math.max(0, (end - start) / 1000) };
}
