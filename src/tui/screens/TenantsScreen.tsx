import { useEffect, useMemo, useState } from 'react';
import { printable } from '../../engine/printable.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { editField, emptyField, insert } from '../field.ts';
import { disabled } from '../keys.ts';
import { paragraph, spread } from '../layout.ts';
import { line, span } from '../line.ts';
import { fieldLine } from '../view/confirm.ts';
import { listWidth, withDetail } from '../view/side.ts';
import {
  findTenants,
  foundLine,
  namesAnswer,
  type TenantEntry,
  type TenantIndex,
  tenantDetail,
  tenantHeading,
  tenantRows,
} from '../view/tenants.ts';
import { firstMarked, moveWindow, settle } from '../window.ts';
import type { Inside } from './inside.ts';

/** Long enough that a word being typed asks the database once. */
const searchPauseMs = 150;
const nobody: ReadonlySet<string> = new Set();

interface Props extends Inside {
  title: string;
  index: TenantIndex | null;
  /** Why there is no index and never will be; '' otherwise. */
  problem?: string;
  /** Ids of tenants with a user whose e-mail contains the text. */
  byEmail: ((text: string) => Promise<ReadonlySet<string>>) | null;
  onTake?: (tenant: TenantEntry) => void;
  onBack: () => void;
}

/** Find-as-you-type over all tenants; only the window that is seen is drawn. */
export function TenantsScreen({
  header,
  area,
  title,
  index,
  problem = '',
  byEmail,
  onTake,
  onBack,
  onQuit,
}: Props) {
  const [field, setField] = useState(emptyField);
  const [window, setWindow] = useState(firstMarked);
  const [emails, setEmails] = useState<{ text: string; ids: ReadonlySet<string> }>({ text: '', ids: nobody });
  const text = field.value;
  const width = area.columns;

  useEffect(() => {
    if (!byEmail || text.trim().length < 2) return;
    let gone = false;
    const timer = setTimeout(() => {
      byEmail(text.trim()).then(
        (ids) => {
          if (!gone) setEmails({ text, ids });
        },
        // The names are searched all the same; a database that cannot answer shows on the home screen.
        () => {
          if (!gone) setEmails({ text, ids: nobody });
        },
      );
    }, searchPauseMs);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [byEmail, text]);

  const ids = emails.text === text ? emails.ids : nobody;
  const found = useMemo(() => (index ? findTenants(index, text, ids) : []), [index, text, ids]);
  const rows = Math.max(1, bodyRows(area, header) - 3);
  const shown = settle(window, found.length, rows);
  const marked = found[shown.cursor];
  const typed = (change: typeof field): void => {
    setField(change);
    setWindow(firstMarked);
  };
  const keys = useKeys(
    'tenants',
    {
      type: () => {},
      move: (key) => setWindow(moveWindow(shown, key, found.length, rows)),
      take: !onTake
        ? disabled('this is only a look')
        : marked
          ? () => onTake(marked)
          : disabled('no tenant is marked'),
      erase: (key) => typed(editField(field, key)),
      back: onBack,
      quit: onQuit,
    },
    { width, onText: (more) => typed(insert(field, more)) },
  );
  const list = listWidth(width);
  const onlyByEmail = (entry: TenantEntry): boolean => ids.has(entry.id) && !namesAnswer(entry, text);
  const searching = byEmail !== null && text.trim().length >= 2 && emails.text !== text;
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          spread(
            line(span(` ${printable(title)}`, 'strong')),
            line(
              span(
                index
                  ? `${foundLine(found.length, index.entries.length, searching)} `
                  : problem
                    ? ''
                    : 'reading … ',
                'muted',
              ),
            ),
            width,
          ),
          fieldLine(field, width, ' find › '),
          ...withDetail(
            [
              tenantHeading(list),
              ...(problem ? paragraph(printable(problem), list - 2, 'bad', 1) : []),
              ...(index ? tenantRows(found, shown, list, rows, onlyByEmail) : []),
            ],
            width,
            rows + 1,
            (right) => tenantDetail(marked, marked !== undefined && onlyByEmail(marked), right),
          ),
        ]}
      />
    </Screen>
  );
}
