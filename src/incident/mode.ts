/** Where a run happens: for real, only previews, on a private copy, or on a copy with a planted fault. */
export const runModes = ['live', 'dry-run', 'rehearsal', 'drill'] as const;
export type RunMode = (typeof runModes)[number];

/** What such a run changes is gone with its copy: the live database is not touched. */
export function onCopy(mode: RunMode): boolean {
  return mode === 'rehearsal' || mode === 'drill';
}
