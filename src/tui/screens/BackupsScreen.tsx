import { useState } from 'react';
import type { BackupChoice } from '../../actions/operator.ts';
import { printable } from '../../engine/printable.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { backOr, disabled } from '../keys.ts';
import { fit, paragraph } from '../layout.ts';
import { blank, line, span } from '../line.ts';
import { backupDetail, backupEntries, backupFacts, backupHeading, backupRows } from '../view/backups.ts';
import { cliff } from '../view/pictures.ts';
import { rowsNow, type Scope, scopeLines } from '../view/scope.ts';
import { listWidth, withDetail } from '../view/side.ts';
import { moveWindow, noneMarked, settle } from '../window.ts';
import { anytime, type Inside } from './inside.ts';
import { TextScreen } from './TextScreen.tsx';

interface Props extends Inside {
  title: string;
  /** Why the one chosen before cannot be used. */
  problem?: string | undefined;
  /** Null where nothing is damaged and backups are only looked at. */
  damagedAt: string | null;
  backups: BackupChoice[];
  /** What the scope step found; null before it ran. */
  scope: Scope | null;
  /** Undefined where backups are only looked at. */
  onTake?: (ref: string) => void;
  /** Undefined where the question must be answered. */
  onBack?: () => void;
}

const backwards = ['up', 'pageup', 'end'];

/** The backup picker: newest first, the damage as a line, nothing marked at first. */
export function BackupsScreen({
  header,
  area,
  left,
  active = true,
  onOpen,
  title,
  problem,
  damagedAt,
  backups,
  scope,
  onTake,
  onBack,
  onQuit,
}: Props) {
  const [window, setWindow] = useState(noneMarked);
  const [picture, setPicture] = useState(false);
  const entries = backupEntries(backups, damagedAt);
  const width = area.columns;
  const findings = [
    ...(problem === undefined ? [] : paragraph(printable(problem), width - 2, 'bad', 1)),
    ...scopeLines(scope, width),
  ];
  const rows = Math.max(1, bodyRows(area, header) - 4 - findings.length);
  const shown = settle(window, entries.length, rows);
  const entry = entries[shown.cursor];
  const refusal =
    entry?.kind !== 'backup'
      ? 'no backup is marked'
      : entry.backup.verified === false
        ? 'it cannot be used: its verification failed'
        : entry.backup.sameAsLive
          ? 'it holds the same state: nothing to restore'
          : entry.backup.holdsTenant === false
            ? 'it does not hold this tenant'
            : null;
  const counted = backups.flatMap((backup) =>
    backup.takenAt && backup.rows ? [{ takenAt: backup.takenAt, rows: backup.rows }] : [],
  );
  const keys = useKeys(
    'backups',
    {
      move: (key) => {
        const moved = moveWindow(shown, key, entries.length, rows);
        // The line of the damage is no backup: it is stepped over.
        const onDamage = entries[moved.cursor]?.kind === 'damage';
        setWindow(
          onDamage ? moveWindow(moved, backwards.includes(key) ? 'up' : 'down', entries.length, rows) : moved,
        );
      },
      take: !onTake
        ? disabled('choosing happens in a restore')
        : entry?.kind === 'backup' && refusal === null
          ? () => onTake(entry.backup.ref)
          : disabled(refusal ?? 'no backup is marked'),
      picture: counted.length > 0 ? () => setPicture(true) : disabled('no backup tells its row counts'),
      back: backOr(onBack),
      ...anytime({ onOpen }),
      quit: onQuit,
    },
    { width, left, guarded: true, active: active && !picture },
  );
  if (picture) {
    const drawn = cliff(counted, damagedAt, rowsNow(scope, backups), width, bodyRows(area, header) - 5);
    return (
      <TextScreen
        header={header}
        area={area}
        title="Row counts across the backups"
        lines={[...drawn.lines, blank, ...paragraph(drawn.reading, width - 2, 'plain', 1)]}
        onBack={() => setPicture(false)}
        onQuit={onQuit}
      />
    );
  }
  const list = listWidth(width);
  const older = entry?.kind === 'backup' ? backups[backups.indexOf(entry.backup) + 1] : undefined;
  const before = backups.filter((backup) => !backup.afterDamage).length;
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          fit(
            line(
              span(` ${title}`, 'strong'),
              span(
                damagedAt === null
                  ? ` · ${backups.length}`
                  : ` · ${before} of ${backups.length} from before it`,
                'muted',
              ),
            ),
            width,
          ),
          ...findings,
          ...withDetail(
            [backupHeading(list, damagedAt !== null), ...backupRows(entries, shown, list, rows)],
            width,
            rows + 1,
            (right) => backupFacts(entry, older, rowsNow(scope, backups), right),
          ),
          ...(entries.length > rows ? [] : [blank]),
          ...backupDetail(entry, width, damagedAt !== null),
        ]}
      />
    </Screen>
  );
}
