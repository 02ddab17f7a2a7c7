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

const move = {
  action: 'move',
  keys: ['up', 'down', 'pageup', 'pagedown', 'home', 'end'],
  shown: '↑↓',
  label: 'choose',
  help: 'Move through the list; page up, page down, home and end work too.',
} as const;
const scroll = {
  ...move,
  action: 'scroll',
  label: 'scroll',
  help: 'Move through the text; page up, page down, home and end work too.',
} as const;
const back = {
  action: 'back',
  keys: ['escape'],
  shown: 'esc',
  label: 'back',
  help: 'Go back; nothing is changed.',
} as const;
const help = {
  action: 'help',
  keys: ['?'],
  shown: '?',
  label: 'help',
  help: 'Explain this screen and its keys.',
} as const;
const edit = {
  action: 'edit',
  keys: ['left', 'right', 'home', 'end', 'backspace', 'delete', 'ctrl+u'],
  shown: 'type',
  label: '',
  help: 'Type or paste; arrows, backspace, and ctrl+u to empty the line.',
} as const;

/** Inside an incident these work wherever no text is typed. */
const anytime = [
  { action: 'output', keys: ['o'], shown: 'o', label: '', help: 'What the steps said so far.' },
  { action: 'note', keys: ['n'], shown: 'n', label: '', help: 'Write a note into the journal.' },
  {
    action: 'message',
    keys: ['m'],
    shown: 'm',
    label: '',
    help: 'Draft a message to the tenant, the status page or the team.',
  },
  {
    action: 'times',
    keys: ['t'],
    shown: 't',
    label: '',
    help: 'Time line, RTO budget and the commander view.',
  },
  {
    action: 'handOver',
    keys: ['h'],
    shown: 'h',
    label: '',
    help: 'Write a situation summary and a note, and release the incident to a colleague.',
  },
] as const;

export const keyTable = {
  home: [
    {
      action: 'choose',
      keys: ['up', 'down', 'return'],
      shown: '↑↓ enter',
      label: 'open',
      help: 'Move through the list and open what is marked.',
    },
    {
      action: 'tenants',
      keys: ['t'],
      shown: 't',
      label: 'tenants',
      help: 'All tenants with tier, status and the age of their newest backup against the RPO.',
    },
    { action: 'backups', keys: ['b'], shown: 'b', label: 'backups', help: 'All backups, newest first.' },
    {
      action: 'reset',
      keys: ['r'],
      shown: 'r',
      label: 'reset demo',
      help: 'In the demo: throw the folder away and start over with new damage.',
    },
    help,
    { action: 'quit', keys: ['q', 'ctrl+c'], shown: 'q', label: 'quit', help: 'Leave; nothing is running.' },
  ],
  tenants: [
    {
      action: 'type',
      keys: [],
      shown: 'type',
      label: 'find',
      help: 'Finds by id, slug, name and e-mail as you type.',
    },
    { ...move, keys: ['up', 'down', 'pageup', 'pagedown'] },
    { action: 'take', keys: ['return'], shown: 'enter', label: 'take', help: 'Take the marked tenant.' },
    {
      action: 'erase',
      keys: ['backspace', 'ctrl+u'],
      shown: 'backspace',
      label: '',
      help: 'Shorten what is searched for; ctrl+u empties it.',
    },
    back,
    { action: 'quit', keys: ['ctrl+c'], shown: 'ctrl+c', label: '', help: 'Leave.' },
  ],
  backups: [
    move,
    {
      action: 'take',
      keys: ['return'],
      shown: 'enter',
      label: 'take',
      help: 'Take the marked backup. None is marked at first.',
    },
    {
      action: 'picture',
      keys: ['v'],
      shown: 'v',
      label: 'picture',
      help: 'Row counts across the backups, with the damage time drawn in.',
    },
    back,
    help,
    { action: 'quit', keys: ['q', 'ctrl+c'], shown: 'q', label: 'leave', help: 'Leave; asks first.' },
    ...anytime,
  ],
  run: [
    {
      action: 'go',
      keys: ['return'],
      shown: 'enter',
      label: 'go on',
      help: 'Do what the line above the footer proposes: start the step, or answer its question.',
    },
    {
      action: 'skip',
      keys: ['s'],
      shown: 's',
      label: 'skip',
      help: 'Skip the step. Needs a reason, which the journal keeps.',
    },
    {
      action: 'preview',
      keys: ['p'],
      shown: 'p',
      label: 'preview',
      help: 'What the step will do, and the plan table by table.',
    },
    { action: 'output', keys: ['o'], shown: 'o', label: 'output', help: 'What the steps said so far.' },
    { action: 'note', keys: ['n'], shown: 'n', label: 'note', help: 'Write a note into the journal.' },
    {
      action: 'message',
      keys: ['m'],
      shown: 'm',
      label: 'message',
      help: 'Draft a message to the tenant, the status page or the team.',
    },
    {
      action: 'times',
      keys: ['t'],
      shown: 't',
      label: 'times',
      help: 'Time line, RTO budget, and the commander view.',
    },
    {
      action: 'handOver',
      keys: ['h'],
      shown: 'h',
      label: 'hand over',
      help: 'Write a situation summary and a note, and release the incident to a colleague.',
    },
    help,
    {
      action: 'quit',
      keys: ['q', 'ctrl+c'],
      shown: 'q',
      label: 'leave',
      help: 'Leave; asks first while the incident is open.',
    },
  ],
  watch: [
    {
      action: 'view',
      keys: ['tab', 't'],
      shown: 'tab',
      label: 'commander',
      help: 'Change between the run and the commander view.',
    },
    scroll,
    help,
    {
      action: 'quit',
      keys: ['q', 'ctrl+c', 'escape'],
      shown: 'q',
      label: 'stop watching',
      help: 'Stop watching; the incident goes on.',
    },
  ],
  plan: [
    move,
    {
      action: 'open',
      keys: ['return', 'right'],
      shown: 'enter',
      label: 'rows',
      help: 'The rows of the marked table.',
    },
    {
      action: 'toggle',
      keys: [' '],
      shown: 'space',
      label: 'untick',
      help: 'Leave the table (or the row) out of the restore, or take it in again.',
    },
    {
      action: 'accept',
      keys: ['a'],
      shown: 'a',
      label: 'accept',
      help: 'Go on with the plan as ticked; it is computed again when something was left out.',
    },
    { ...back, keys: ['escape', 'left'] },
    help,
    { action: 'quit', keys: ['q', 'ctrl+c'], shown: 'q', label: 'leave', help: 'Leave; asks first.' },
    ...anytime,
  ],
  rows: [
    move,
    {
      action: 'open',
      keys: ['return', 'right'],
      shown: 'enter',
      label: 'columns',
      help: 'The marked row, column by column.',
    },
    {
      action: 'toggle',
      keys: [' '],
      shown: 'space',
      label: 'untick',
      help: 'Leave the row out of the restore, or take it in again.',
    },
    { ...back, keys: ['escape', 'left'] },
    help,
    { action: 'quit', keys: ['q', 'ctrl+c'], shown: 'q', label: 'leave', help: 'Leave; asks first.' },
  ],
  choice: [
    {
      action: 'choose',
      keys: ['up', 'down', 'return'],
      shown: '↑↓ enter',
      label: 'choose',
      help: 'Move, and take what is marked.',
    },
    back,
    help,
    { action: 'quit', keys: ['ctrl+c'], shown: 'ctrl+c', label: 'leave', help: 'Leave; asks first.' },
    ...anytime,
  ],
  confirm: [
    {
      action: 'submit',
      keys: ['return'],
      shown: 'enter',
      label: 'confirm',
      help: 'Acts only when the typed phrase matches exactly.',
    },
    edit,
    { ...scroll, keys: ['up', 'down', 'pageup', 'pagedown'] },
    { ...back, label: 'cancel', help: 'Cancel; nothing is changed.' },
    { action: 'quit', keys: ['ctrl+c'], shown: 'ctrl+c', label: '', help: 'Leave; asks first.' },
  ],
  question: [
    { action: 'submit', keys: ['return'], shown: 'enter', label: 'answer', help: 'Give the answer.' },
    edit,
    { ...back, label: 'cancel' },
    { action: 'quit', keys: ['ctrl+c'], shown: 'ctrl+c', label: '', help: 'Leave; asks first.' },
  ],
  checklist: [
    move,
    {
      action: 'toggle',
      keys: [' '],
      shown: 'space',
      label: 'tick',
      help: 'Tick what is done, or take the tick away.',
    },
    {
      action: 'submit',
      keys: ['return'],
      shown: 'enter',
      label: 'all done',
      help: 'Go on; works when everything is ticked.',
    },
    { ...back, label: 'not done', help: 'Leave the list undone and go back to the step.' },
    { action: 'quit', keys: ['q', 'ctrl+c'], shown: 'q', label: 'leave', help: 'Leave; asks first.' },
    ...anytime,
  ],
  text: [
    scroll,
    { ...back, keys: ['escape', 'q'], shown: 'esc' },
    { action: 'quit', keys: ['ctrl+c'], shown: 'ctrl+c', label: '', help: 'Leave; asks first.' },
  ],
  finished: [
    scroll,
    { action: 'output', keys: ['o'], shown: 'o', label: 'output', help: 'What the steps said.' },
    { action: 'message', keys: ['m'], shown: 'm', label: 'message', help: 'Draft another message.' },
    { action: 'times', keys: ['t'], shown: 't', label: 'times', help: 'Time line and RTO budget.' },
    {
      action: 'quit',
      keys: ['return', 'q', 'escape', 'ctrl+c'],
      shown: 'enter',
      label: 'close',
      help: 'Close the screen; the summary stays in the terminal.',
    },
  ],
} as const satisfies Record<string, readonly KeyBinding[]>;
