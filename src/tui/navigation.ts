import type { TenantDrError } from '../errors.ts';
import type { RunMode } from '../incident/mode.ts';
import type { RunDesk } from './screens/IncidentScreen.tsx';
import type { TenantEntry } from './view/tenants.ts';

/** Where the operator is before an incident is on the screen. */
export type Place =
  | { at: 'home' }
  | { at: 'tenants' }
  | { at: 'backups' }
  /** The questions before a scenario starts, one after the other. */
  | { at: 'whose'; runbook: string }
  | { at: 'how'; runbook: string; tenant: TenantEntry }
  | { at: 'damaged'; runbook: string; tenant: TenantEntry; mode: Exclude<RunMode, 'drill'>; wrong: string }
  | { at: 'take-over'; incident: string; wrong: string }
  | { at: 'waiting'; text: string }
  | { at: 'problem'; error: TenantDrError; back: Place }
  | { at: 'incident'; desk: RunDesk };

/** What starts a scenario. Times are as typed; empty means now. */
export interface Start {
  runbook: string;
  tenant: TenantEntry;
  mode: Exclude<RunMode, 'drill'>;
  damagedAt: string;
}

/** What the places can ask for; whoever implements it changes the place. */
export interface Navigator {
  go: (place: Place) => void;
  start: (start: Start) => void;
  resume: (incident: string, takeOverReason: string | null) => void;
  /** In the demo only. */
  reset: (() => void) | null;
  /** What the demo knows of the damage, to be offered; '' elsewhere. */
  damagedAt: () => string;
  /** The complaint of the demo; '' elsewhere. */
  story: () => string;
  byEmail: ((text: string) => Promise<ReadonlySet<string>>) | null;
  quit: () => void;
}
