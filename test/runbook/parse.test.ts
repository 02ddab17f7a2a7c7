import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { TenantDrError } from '../../src/errors.ts';
import { parseRunbook } from '../../src/runbook/parse.ts';

const whole = `id: my-runbook
title: Mine
symptoms: [something is wrong]
impact: [one tenant]
steps:
  - id: isolate
    title: Isolate
    estimate: 5m
    why: nothing must change meanwhile
    uses: suspend
  - id: tell
    title: Tell
    estimate: 90s
    why: they wait
    checklist: [call them]
    auto: { skip: nobody can call }
`;

function findings(text: string): string {
  try {
    parseRunbook(text, 'mine.yaml');
  } catch (error) {
    if (error instanceof TenantDrError) return error.message;
    throw error;
  }
  return 'accepted';
}

test('a runbook is read with its shorthand spelled out', () => {
  const runbook = parseRunbook(whole, 'mine.yaml');
  expect(runbook.steps.map((step) => [step.id, step.estimateSeconds])).toEqual([
    ['isolate', 300],
    ['tell', 90],
  ]);
  expect(runbook.steps[1]?.tasks[0]?.autoSkip).toBe('nobody can call');
});

test('a destructive action is confirmed by typing even when the file says otherwise', () => {
  const runbook = parseRunbook(
    whole.replace('uses: suspend', 'uses: suspend\n    confirm: none'),
    'mine.yaml',
  );
  expect(runbook.steps[0]?.tasks[0]?.confirm).toBe('typed');
});

test.each([
  [
    'what nothing fills in is named, also in a way back',
    whole.replace(
      'uses: suspend',
      'uses: suspend\n    rollback: { uses: undo, with: { incident: "{incidnt}" } }',
    ),
    /line 11: nothing fills in \{incidnt\}: did you mean \{incident\}\?/,
  ],
  [
    'an unknown key names its line and the nearest known one',
    whole.replace('why: they', 'wy: they'),
    /line 14: .*wy.*did you mean why/,
  ],
  [
    'a missing key is named at its step',
    whole.replace('    why: they wait\n', ''),
    /line 11: steps\[1\]\.why: is missing/,
  ],
  [
    'an unknown action names the nearest one',
    whole.replace('uses: suspend', 'uses: suspnd'),
    /line 10: there is no action "suspnd": did you mean suspend/,
  ],
  [
    'input an action does not know is refused',
    whole.replace('uses: suspend', 'uses: settle\n    with: { second: 3 }'),
    /line 11: .*settle.*second.*did you mean seconds/,
  ],
  [
    'a step with two bodies is refused',
    whole.replace('uses: suspend', 'uses: suspend\n    run: [ls]'),
    /line 6: .*this one has uses and run/,
  ],
  [
    'a step without a body is refused',
    whole.replace('    uses: suspend\n', ''),
    /line 6: .*this one has none/,
  ],
  [
    'a step that is left out without a reason is refused',
    whole.replace('auto: { skip: nobody can call }', 'auto: skip'),
    /line 16: .*needs a reason/,
  ],
  [
    'approval by another person is refused as not yet known',
    whole.replace('uses: suspend', 'uses: suspend\n    approve: { by: other }'),
    /line 11: .*refuses the whole runbook/,
  ],
  [
    'a gate that names nothing before it is refused',
    whole.replace('uses: suspend', 'uses: suspend\n    gate: [tell]'),
    /line 11: .*no earlier step is called "tell"/,
  ],
  [
    'an id used twice is refused',
    whole.replace('id: tell', 'id: isolate'),
    /line 11: .*"isolate" is used twice/,
  ],
  [
    'a line is named in JSON, too',
    JSON.stringify({ ...parse(whole), surprise: 1 }, null, 1),
    /line \d\d: .*surprise/,
  ],
  [
    'text that is no YAML is refused with its line',
    whole.replace('symptoms: [', 'symptoms: [['),
    /line \d+: not YAML/,
  ],
  [
    'an alias that leads nowhere is refused',
    whole.replace('symptoms: [', 'symptoms: [*any, '),
    /not YAML: Unresolved alias/,
  ],
  [
    'an estimate that is no duration is refused',
    whole.replace('90s', 'soon'),
    /line 13: .*"soon" is not a duration/,
  ],
])('%s', (_title, text, message) => {
  expect(findings(text)).toMatch(message);
});
