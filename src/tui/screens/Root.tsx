import { useAnimation } from 'ink';
import { useSyncExternalStore } from 'react';
import { printable } from '../../engine/printable.ts';
import { useSurroundings } from '../components/context.ts';
import { useArea } from '../components/Screen.tsx';
import { pad, paragraph } from '../layout.ts';
import { line, span } from '../line.ts';
import { homeModel, type Sights } from '../lookout.ts';
import type { Navigator, Place } from '../navigation.ts';
import type { Store } from '../store.ts';
import { type HeaderModel, headerLines } from '../view/header.ts';
import { scenarioLines } from '../view/home.ts';
import { backupChoice } from '../view/summary.ts';
import { BackupsScreen } from './BackupsScreen.tsx';
import { ChoiceScreen } from './ChoiceScreen.tsx';
import { HomeScreen } from './HomeScreen.tsx';
import { IncidentScreen } from './IncidentScreen.tsx';
import { QuestionScreen } from './QuestionScreen.tsx';
import { TenantsScreen } from './TenantsScreen.tsx';
import { TextScreen } from './TextScreen.tsx';

interface Props {
  place: Store<Place>;
  sights: Store<Sights>;
  navigator: Navigator;
  /** Environment and database, for the header. */
  header: HeaderModel;
}

const modes = [
  { value: 'live' as const, label: 'For real', detail: 'on the live database; every destructive step asks' },
  {
    value: 'rehearsal' as const,
    label: 'Rehearse on a copy',
    detail: 'a private copy; live is opened read-only',
  },
  { value: 'dry-run' as const, label: 'Dry run', detail: 'every step shows what it would do' },
];

/** Everything before and around an incident: one place at a time. */
export function Root({ place: places, sights: seen, navigator, header: model }: Props) {
  const { now } = useSurroundings();
  const area = useArea();
  const place = useSyncExternalStore(places.subscribe, places.get);
  const sights = useSyncExternalStore(seen.subscribe, seen.get);
  // Ages on the home screen move by the minute.
  useAnimation({ interval: 30_000, isActive: place.at !== 'incident' });
  const home = (): void => navigator.go({ at: 'home' });
  const inside = { area, header: headerLines(model, area.columns), onQuit: navigator.quit };

  const scenarioOf = (id: string) =>
    sights.scenarios.state === 'ready' ? sights.scenarios.value.find((one) => one.id === id) : undefined;

  switch (place.at) {
    case 'home':
      return (
        <HomeScreen
          {...inside}
          model={homeModel(sights, navigator.story(), now())}
          onReset={navigator.reset}
          onChoose={(choice) => {
            if (choice.kind === 'resume') navigator.resume(choice.id, null);
            else if (choice.kind === 'start') navigator.go({ at: 'whose', runbook: choice.runbook });
            else if (choice.kind === 'broken')
              navigator.go({ at: 'problem', error: choice.error, back: { at: 'home' } });
            else navigator.go({ at: choice.kind });
          }}
        />
      );
    case 'tenants':
    case 'whose': {
      const index = sights.tenants.state === 'ready' ? sights.tenants.value.index : null;
      const runbook = place.at === 'whose' ? place.runbook : null;
      return (
        <TenantsScreen
          {...inside}
          title={runbook === null ? 'Tenants' : 'Whose data is damaged?'}
          index={index}
          problem={sights.tenants.state === 'failed' ? problemOf(sights.tenants) : ''}
          byEmail={navigator.byEmail}
          onTake={runbook === null ? undefined : (tenant) => navigator.go({ at: 'how', runbook, tenant })}
          onBack={home}
        />
      );
    }
    case 'backups': {
      const entries = sights.backups.state === 'ready' ? sights.backups.value : [];
      const at = now();
      return (
        <BackupsScreen
          {...inside}
          title="Backups"
          damagedAt={null}
          backups={entries.map((entry, index) => backupChoice(entry, at, entries[index + 1]))}
          scope={null}
          onBack={home}
        />
      );
    }
    case 'how':
      return (
        <ChoiceScreen
          {...inside}
          title={`${printable(place.tenant.name)}: ${printable(scenarioOf(place.runbook)?.title ?? place.runbook)}. How?`}
          lines={scenarioLines(scenarioOf(place.runbook), area.columns)}
          options={modes.map((mode) => ({
            value: mode.value,
            label: line(span(pad(mode.label, 18), 'strong'), `  ${mode.detail}`),
          }))}
          onAnswer={(mode) =>
            navigator.go({ at: 'damaged', runbook: place.runbook, tenant: place.tenant, mode, wrong: '' })
          }
          onBack={() => navigator.go({ at: 'whose', runbook: place.runbook })}
        />
      );
    case 'damaged':
      return (
        <QuestionScreen
          {...inside}
          question={{
            kind: 'ask',
            title: 'When was the damage done?',
            detail: [
              'A time with its zone, such as 2026-11-23T05:52Z or 2026-11-23 05:52 +01:00. Backups taken after it may hold the damage.',
              'Empty: not known yet; the moment of opening counts.',
              ...(place.wrong ? [place.wrong] : []),
            ],
            initial: navigator.damagedAt(),
          }}
          onAnswer={(damagedAt) =>
            navigator.start({ runbook: place.runbook, tenant: place.tenant, mode: place.mode, damagedAt })
          }
          onBack={() => navigator.go({ at: 'how', runbook: place.runbook, tenant: place.tenant })}
        />
      );
    case 'take-over':
      return (
        <QuestionScreen
          {...inside}
          question={{
            kind: 'reason',
            title: `Take over ${place.incident}?`,
            detail: [
              place.wrong,
              'The process that holds it stops writing before its next step. Give the reason, or go back.',
              `To look on and change nothing: tenant-dr watch ${place.incident}`,
            ],
          }}
          onAnswer={(reason) => navigator.resume(place.incident, reason)}
          onBack={home}
        />
      );
    case 'waiting':
      return <TextScreen {...inside} title={place.text} lines={[]} />;
    case 'problem':
      return (
        <TextScreen
          {...inside}
          title="That did not work"
          lines={[
            ...paragraph(printable(place.error.message), area.columns - 2, 'bad', 1),
            ...paragraph(printable(place.error.hint ?? ''), area.columns - 2, 'plain', 1),
          ]}
          onBack={() => navigator.go(place.back)}
        />
      );
    case 'incident':
      return <IncidentScreen desk={place.desk} />;
  }
}

function problemOf({ message, hint }: { message: string; hint?: string }): string {
  return hint ? `${message}. ${hint}` : message;
}
