import type { Entry } from './events.ts';
import type { IncidentState } from './records.ts';
import {
  answerWords,
  durationWords,
  messageWords,
  rowsWords,
  slugOf,
  spanWords,
  taskTitle,
  timeWords,
  titleOf,
} from './words.ts';

/**
 * One sentence for every entry of the journal, for timelines. Text that came from people, files or databases is
 * in it as it is: whoever shows it escapes it for where it is shown.
 */
export function describe(entry: Entry, state: IncidentState): string {
  const step = (id: string) => `“${titleOf(state, id)}”`;
  const task = (one: { step: string; task: string }) => `“${taskTitle(state, one)}”`;
  switch (entry.event) {
    case 'incident.opened':
      return `Incident opened: ${entry.title} (${entry.mode}), ${entry.tenants.map((tenant) => tenant.slug).join(', ') || 'no tenant'} in ${entry.database.name}${alsoOpen(entry)}`;
    case 'lock.acquired':
      return `Took up the incident${alsoOpen(entry)}`;
    case 'lock.released':
      return `Let go of the incident${entry.reason ? `: ${entry.reason}` : ''}`;
    case 'taken-over':
      return `Took over from ${entry.from.name} on ${entry.from.host}: ${entry.reason}${alsoOpen(entry)}`;
    case 'handed-over':
      return `Handed over: ${entry.note}`;
    case 'torn-line.cut':
      return `A line cut short by a crash was taken off the journal (line ${entry.line}, ${entry.bytes} bytes)`;
    case 'clock.jumped':
      return `The wall clock was set ${entry.bySeconds < 0 ? 'back' : 'forward'} by ${spanWords(Math.abs(entry.bySeconds))}`;
    case 'mirror.failed':
      return `The mirror cannot be written: ${entry.reason}`;
    case 'mirror.recovered':
      return 'The mirror is up to date again';
    case 'run.planned':
      return `The runbook was edited; going on with ${entry.runbook.name} ${entry.runbook.hash.slice(0, 12)}`;
    case 'run.resumed':
      return `The run was resumed${flagWords(entry.input)}`;
    case 'run.stopped':
      return `The run stopped (${entry.why}): ${entry.message}`;
    case 'step.started':
      return `Step ${step(entry.step)} started${entry.attempt > 1 ? ` (attempt ${entry.attempt})` : ''}`;
    case 'step.progress':
      return `Step ${step(entry.step)}: ${entry.phase} ${entry.done}${entry.total === null ? '' : ` of ${entry.total}`} ${entry.unit}`;
    case 'step.finished':
      return `Step ${step(entry.step)} done in ${durationWords(entry.seconds)}${entry.summary ? `: ${entry.summary}` : ''}`;
    case 'step.failed':
      return `Step ${step(entry.step)} failed after ${durationWords(entry.seconds)}: ${entry.error.message}`;
    case 'step.skipped':
      return `Step ${step(entry.step)} skipped (${entry.by}): ${entry.reason}`;
    case 'step.interrupted':
      return `Step ${step(entry.step)} was interrupted${entry.reason ? `: ${entry.reason}` : ''}`;
    case 'step.probed':
      return `Step ${step(entry.step)} was looked into: ${entry.outcome}${entry.detail ? `, ${entry.detail}` : ''}`;
    case 'task.started':
      return `${task(entry)} started`;
    case 'task.finished':
      return `${task(entry)} ${entry.state}${entry.found ? foundWords(entry.found) : ` in ${durationWords(entry.seconds)}`}${entry.error ? `: ${entry.error.message}` : ''}`;
    case 'task.skipped':
      return `${task(entry)} skipped (${entry.by}): ${entry.reason}`;
    case 'task.note':
      return entry.text;
    case 'operator.answered':
      return `${entry.question}: ${answerWords(entry.answer)}${entry.auto ? ` (by itself${entry.why ? `: ${entry.why}` : ''})` : ''}`;
    case 'gate.failed':
      return `${task(entry)} may not start before ${entry.needs.join(', ')}`;
    case 'gate.overridden':
      return `The gate before ${task(entry)} was overridden: ${entry.reason}`;
    case 'backup.held':
      return `Backups held for this incident: ${entry.backups.length}`;
    case 'backup.chosen':
      return `Backup chosen: ${entry.ref}${entry.takenAt ? `, taken ${timeWords(entry.takenAt)}` : ''}${entry.reason ? ` (${entry.reason})` : ''}`;
    case 'plan.made':
      return `Plan for ${slugOf(state, entry.tenant)}, ${entry.mode}: ${rowsWords(entry.tables)}`;
    case 'choice':
      return `${entry.what}: ${entry.answer}${entry.reason ? ` (${entry.reason})` : ''}`;
    case 'reason':
      return `${entry.what}: ${entry.text}`;
    case 'confirmed':
      return `Confirmed (${entry.by === 'flag' ? '--confirm' : 'typed'}): ${entry.what}`;
    case 'restore.intended':
      return `Restore of ${slugOf(state, entry.tenant)} begins (${entry.mode}); safety copy of ${entry.safetyCopy.rows} rows on disk`;
    case 'restore.finished':
      return `Restore of ${slugOf(state, entry.tenant)} committed${foundWords(entry.foundBy)}: ${rowsWords(entry.tables)}${isolationWords(entry.isolation)}`;
    case 'restore.rolled-back':
      return `Restore of ${slugOf(state, entry.tenant)} rolled back${foundWords(entry.foundBy)}${entry.error ? `: ${entry.error.message}` : ''}`;
    case 'restore.unknown':
      return `Nobody knows yet whether the restore of ${slugOf(state, entry.tenant)} happened: ${entry.reason}`;
    case 'tenant.suspending':
      return `The status of ${slugOf(state, entry.tenant)} is ${entry.former ?? 'NULL'}, about to be ${entry.status ?? 'NULL'}`;
    case 'tenant.suspended':
      return `${slugOf(state, entry.tenant)} suspended${statusWords('was', entry.former, entry)}`;
    case 'tenant.settled':
      return `${slugOf(state, entry.tenant)} ${entry.quiet ? 'is still' : 'still changes'} after ${durationWords(entry.seconds)}${entry.reason ? `; going on: ${entry.reason}` : ''}`;
    case 'tenant.reactivated':
      return `${slugOf(state, entry.tenant)} reactivated${statusWords('now', entry.status, entry)}`;
    case 'tenant.renamed':
      return `${slugOf(state, entry.tenant)} is now called ${entry.slug}`;
    case 'health.checked':
      return `Health check ${entry.ok ? 'passed' : 'failed'}: ${entry.detail}`;
    case 'verified':
      return `Verification (${entry.level}) ${entry.ok ? 'passed' : 'failed'}: ${entry.checks.filter((one) => one.ok).length} of ${entry.checks.length} checks`;
    case 'note':
      return `Note: ${entry.text}`;
    case 'message.drafted':
      return `Draft: ${messageWords(entry)}${entry.edited ? ', its words changed by hand' : ''}`;
    case 'message.sent':
      return `Sent: ${messageWords(entry)} by ${entry.via}`;
    case 'message.written':
      return `Written, not sent: ${messageWords(entry)} (${entry.file})`;
    case 'message.waived':
      return `Waived: ${messageWords(entry)}: ${entry.reason}`;
    case 'closed':
      return `Incident closed: ${entry.outcome}${entry.reason ? `, ${entry.reason}` : ''}`;
  }
}

function alsoOpen({ openToo }: { openToo?: string[] | undefined }): string {
  return openToo ? `; still open about the same: ${openToo.join(', ')}` : '';
}

/** `, told: restore from admin_1500` */
function flagWords(input: Record<string, Record<string, unknown>> | undefined): string {
  const told = Object.entries(input ?? {}).flatMap(([action, { from }]) =>
    from === undefined ? [] : [`${action} from ${from}`],
  );
  return told.length === 0 ? '' : `, told: ${told.join(', ')}`;
}

/** Nothing where hooks alone changed what the database knows nothing of. */
function statusWords(
  when: string,
  said: string | null,
  { former, status }: { former: string | null; status: string | null },
): string {
  return former === null && status === null ? '' : ` (${when} ${said ?? 'NULL'})`;
}

function foundWords(foundBy: 'apply' | 'probe' | 'operator'): string {
  if (foundBy === 'apply') return '';
  return foundBy === 'probe' ? ' (found by probing)' : ' (a person said so)';
}

function isolationWords(isolation: { otherRowsWritten: number } | null): string {
  return isolation ? `; rows of other tenants written: ${isolation.otherRowsWritten}` : '';
}
