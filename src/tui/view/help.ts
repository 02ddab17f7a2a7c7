import { type KeyBinding, keyTable } from '../key-table.ts';
import type { ScreenName } from '../keys.ts';
import { pad, paragraph } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';

/** What each screen is for; stands above its keys in the help. */
export const purposes: Record<ScreenName, string> = {
  home: 'Where everything begins: resume an open incident, start a scenario, or look around.',
  tenants: 'Find a tenant from whatever a customer wrote in the complaint.',
  backups:
    'Choose the backup to take the data from. The line is the damage: backups above it, marked ×, were taken after it.',
  run: 'One incident, step by step. The upper part lists the steps, the lower part shows what happens now.',
  watch: 'Look on while somebody else works. Nothing here can change anything.',
  plan: 'Exactly what a restore would do, table by table, before anything is written.',
  rows: 'The rows a restore would add (+), change back (~) or delete (-).',
  choice: 'One of a few answers. Nothing is chosen until you choose.',
  confirm: 'A destructive step. Read what is at stake, then type the phrase exactly.',
  question: 'A line of text. It is kept in the journal.',
  editor: 'A text of several lines. Nothing goes out from here.',
  checklist: 'Work that is done by hand.',
  text: 'A text to read.',
  finished: 'The end of the run, and what came of it.',
};

const words = [
  ['▶ ✓ ✗ ⊘ ○', 'current, done, failed, skipped with a reason, waiting'],
  ['RTO', 'time until the tenant must be usable again; counts from detection, through crashes'],
  ['RPO', 'how old the backup may be at the moment of the damage'],
  ['at stake', 'rows written since the backup that the restore may delete; they stay in the safety copy'],
] as const;

/** The keys of a screen, one a line: also what the README prints. */
export function keyLines(screen: ScreenName, width: number): Line[] {
  const bindings: readonly KeyBinding[] = keyTable[screen];
  return bindings.flatMap((binding) => explained(binding.shown, binding.help, width));
}

/** A word and what it means, beside each other. */
function explained(word: string, meaning: string, width: number): Line[] {
  const [first = blank, ...rest] = paragraph(meaning, width - 16);
  const head = span(`   ${pad(word, 11)} `, 'strong');
  return [line(head, ...first), ...rest.map((part) => line(' '.repeat(15), ...part))];
}

export function helpLines(screen: ScreenName, width: number): Line[] {
  return [
    ...paragraph(purposes[screen], width - 2, 'plain', 1),
    blank,
    ...keyLines(screen, width),
    blank,
    ...words.flatMap(([word, meaning]) => explained(word, meaning, width)),
    blank,
    ...paragraph(
      'Nothing is destroyed without a typed phrase, and nothing without a verified safety copy to go back to.',
      width - 2,
      'muted',
      1,
    ),
  ];
}
