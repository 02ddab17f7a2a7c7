/**
 * Every key of every screen, as data. The same table feeds the handlers (`use-keys.ts`), the footer
 * (`view/footer.ts`), the help screen and the README, so none of them can say something else.
 */

export interface KeyBinding {
  /** What the handler is called. */
  action: string;
  /** Names as `nameOfKey` gives them; any of them. */
  keys: readonly string[];
  /** How the key is written in footer and help. */
  shown: string;
  /** One or two words, for the footer; '' keeps it out of the footer. */
  label: string;
  /** One sentence, for help and README. */
  help: string;
}

/** Keeps the action's name as a type, so that every screen must handle exactly its own keys. */
function key<const Action extends string>(
  action: Action,
  keys: readonly string[],
  shown: string,
  label: string,
  help: string,
): KeyBinding & { action: Action } {
  return { action, keys, shown, label, help };
}

const help = key('help', ['?'], '?', 'help', 'Explain this screen and its keys.');
const back = key('back', ['escape'], 'esc', 'back', 'Go back; nothing is changed.');
const backLeft = key('back', ['escape', 'left'], 'esc', 'back', 'Go back; nothing is changed.');
const leave = key('quit', ['q', 'ctrl+c'], 'q', 'leave', 'Leave; asks first.');
const leaveTyping = key('quit', ['ctrl+c'], 'ctrl+c', '', 'Leave; asks first.');
const move = key(
  'move',
  ['up', 'down', 'pageup', 'pagedown', 'home', 'end'],
  '↑↓',
  'choose',
  'Move through the list; page up, page down, home and end work too.',
);
const scroll = key(
  'scroll',
  ['up', 'down', 'pageup', 'pagedown', 'home', 'end'],
  '↑↓',
  'scroll',
  'Move through the text; page up, page down, home and end work too.',
);
const edit = key(
  'edit',
  ['left', 'right', 'home', 'end', 'backspace', 'delete', 'ctrl+u'],
  'type',
  '',
  'Type or paste; arrows, backspace, and ctrl+u to empty the line.',
);

/** Inside an incident these work wherever no text is typed. */
const anytime = [
  key('output', ['o'], 'o', '', 'What the steps said so far.'),
  key('note', ['n'], 'n', '', 'Write a note into the journal.'),
  key('message', ['m'], 'm', '', 'Draft a message to the tenant, the status page or the team.'),
  key('times', ['t'], 't', '', 'Time line, RTO budget and the commander view.'),
  key(
    'handOver',
    ['h'],
    'h',
    '',
    'Write a situation summary and a note, and release the incident to a colleague.',
  ),
] as const;

export const keyTable = {
  home: [
    key(
      'choose',
      ['up', 'down', 'return'],
      '↑↓ enter',
      'open',
      'Move through the list and open what is marked.',
    ),
    key(
      'tenants',
      ['t'],
      't',
      'tenants',
      'All tenants with tier, status and the age of their newest backup against the RPO.',
    ),
    key('backups', ['b'], 'b', 'backups', 'All backups, newest first.'),
    key(
      'reset',
      ['r'],
      'r',
      'reset demo',
      'In the demo: throw the folder away and start over with new damage.',
    ),
    help,
    key('quit', ['q', 'ctrl+c'], 'q', 'quit', 'Leave; nothing is running.'),
  ],
  tenants: [
    key('type', [], 'type', 'find', 'Finds by id, slug, name and e-mail as you type.'),
    key(
      'move',
      ['up', 'down', 'pageup', 'pagedown'],
      '↑↓',
      'choose',
      'Move through the list; page up, page down, home and end work too.',
    ),
    key('take', ['return'], 'enter', 'take', 'Take the marked tenant.'),
    key(
      'erase',
      ['backspace', 'ctrl+u'],
      'backspace',
      '',
      'Shorten what is searched for; ctrl+u empties it.',
    ),
    back,
    key('quit', ['ctrl+c'], 'ctrl+c', '', 'Leave.'),
  ],
  backups: [
    move,
    key('take', ['return'], 'enter', 'take', 'Take the marked backup. None is marked at first.'),
    key('picture', ['v'], 'v', 'picture', 'Row counts across the backups, with the damage time drawn in.'),
    back,
    help,
    leave,
    ...anytime,
  ],
  run: [
    key(
      'go',
      ['return'],
      'enter',
      'go on',
      'Do what the line above the footer proposes: start the step, or answer its question.',
    ),
    key(
      'skip',
      ['s'],
      's',
      'skip',
      'Skip the step, which needs a reason; or cut short what the step is looking for, where it says so.',
    ),
    key('preview', ['p'], 'p', 'preview', 'What the step will do, and the plan table by table.'),
    key('output', ['o'], 'o', 'output', 'What the steps said so far.'),
    key('note', ['n'], 'n', 'note', 'Write a note into the journal.'),
    key('message', ['m'], 'm', 'message', 'Draft a message to the tenant, the status page or the team.'),
    key('times', ['t'], 't', 'times', 'Time line, RTO budget, and the commander view.'),
    key(
      'handOver',
      ['h'],
      'h',
      'hand over',
      'Write a situation summary and a note, and release the incident to a colleague.',
    ),
    help,
    key('quit', ['q', 'ctrl+c'], 'q', 'leave', 'Leave; asks first while the incident is open.'),
  ],
  watch: [
    key('view', ['tab', 't'], 'tab', 'commander', 'Change between the run and the commander view.'),
    scroll,
    help,
    key('quit', ['q', 'ctrl+c', 'escape'], 'q', 'stop watching', 'Stop watching; the incident goes on.'),
  ],
  plan: [
    move,
    key('open', ['return', 'right'], 'enter', 'rows', 'The rows of the marked table.'),
    key(
      'toggle',
      [' '],
      'space',
      'untick',
      'Leave the table (or the row) out of the restore, or take it in again.',
    ),
    key(
      'accept',
      ['a'],
      'a',
      'accept',
      'Go on with the plan as ticked; it is computed again when something was left out.',
    ),
    backLeft,
    help,
    leave,
    ...anytime,
  ],
  rows: [
    move,
    key('open', ['return', 'right'], 'enter', 'columns', 'The marked row, column by column.'),
    key('toggle', [' '], 'space', 'untick', 'Leave the row out of the restore, or take it in again.'),
    backLeft,
    help,
    leave,
  ],
  choice: [
    key('choose', ['up', 'down', 'return'], '↑↓ enter', 'choose', 'Move, and take what is marked.'),
    key(
      'scroll',
      ['pageup', 'pagedown'],
      'pgup pgdn',
      '',
      'Read on in a text that is longer than the screen.',
    ),
    back,
    help,
    key('quit', ['ctrl+c'], 'ctrl+c', 'leave', 'Leave; asks first.'),
    ...anytime,
  ],
  confirm: [
    key('submit', ['return'], 'enter', 'confirm', 'Acts only when the typed phrase matches exactly.'),
    edit,
    key(
      'scroll',
      ['up', 'down', 'pageup', 'pagedown'],
      '↑↓',
      'scroll',
      'Move through the text; page up, page down, home and end work too.',
    ),
    key('back', ['escape'], 'esc', 'cancel', 'Cancel; nothing is changed.'),
    leaveTyping,
  ],
  question: [
    key('submit', ['return'], 'enter', 'answer', 'Give the answer.'),
    edit,
    key('back', ['escape'], 'esc', 'cancel', 'Go back; nothing is changed.'),
    leaveTyping,
  ],
  editor: [
    key('keep', ['ctrl+s'], 'ctrl+s', 'keep', 'Keep the text and go back to the message.'),
    key(
      'open',
      ['ctrl+o'],
      'ctrl+o',
      'own editor',
      'Open the text in $VISUAL or $EDITOR; it comes back when the editor is closed.',
    ),
    key(
      'edit',
      [
        ...['left', 'right', 'up', 'down', 'home', 'end', 'pageup', 'pagedown'],
        ...['backspace', 'delete', 'return', 'ctrl+u', 'ctrl+k'],
      ],
      'type',
      '',
      'Type or paste; arrows move, ctrl+u and ctrl+k erase to the beginning and the end of the line.',
    ),
    key('back', ['escape'], 'esc', 'cancel', 'Go back without the changes; asks once when there are any.'),
    leaveTyping,
  ],
  checklist: [
    move,
    key('toggle', [' '], 'space', 'tick', 'Tick what is done, or take the tick away.'),
    key('submit', ['return'], 'enter', 'all done', 'Go on; works when everything is ticked.'),
    key('back', ['escape'], 'esc', 'not done', 'Leave the list undone and go back to the step.'),
    leave,
    ...anytime,
  ],
  text: [
    scroll,
    key('back', ['escape', 'q', 'return'], 'esc', 'back', 'Go back; nothing is changed.'),
    leaveTyping,
  ],
  finished: [
    scroll,
    key('output', ['o'], 'o', 'output', 'What the steps said.'),
    key('message', ['m'], 'm', 'message', 'Draft another message.'),
    key('times', ['t'], 't', 'times', 'Time line and RTO budget.'),
    key(
      'quit',
      ['return', 'q', 'escape', 'ctrl+c'],
      'enter',
      'close',
      'Close the screen; the summary stays in the terminal.',
    ),
  ],
} as const satisfies Record<string, readonly KeyBinding[]>;
