import type {
  Conflict,
  Drift,
  RestoreMode,
  Revival,
  RowEffect,
  SharedNeed,
  TableEffects,
} from '../engine/plan.ts';
import type { EffectsPage } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import type { Tier } from '../policy/tiers.ts';

/**
 * What a run asks of a person. Questions are data, so that a screen can draw them and a test can answer them.
 * The TUI, the run without a terminal and the tests each implement `Operator`; nothing else ever prompts.
 */

/** What will happen, said before it does. */
export interface Preview {
  /** One sentence. */
  summary: string;
  lines: string[];
  table?: { columns: string[]; rows: (string | number)[][] };
  /** Commands a person could type instead, one shell line each. */
  commands: string[];
  /** Present when something is at stake: shown with the typed confirmation. */
  stakes?: Stakes;
}

/** The blast radius of a destructive step (issue 4, "typed confirmation"). */
export interface Stakes {
  /** The tenants' slugs, or whatever `contract.md` prescribes; compared exactly. */
  phrase: string;
  database: { name: string; location: string; environment: string };
  tenants: { id: string; slug: string; name: string; tier: Tier }[];
  tables: { name: string; insert: number; update: number; delete: number }[];
  backup?: { ref: string; takenAt: string | null; ageSeconds: number | null };
  cannotBeUndone: string[];
}

interface QuestionBase {
  /** Stable name such as `restore.mode`: it is journaled, and tests answer by it. */
  id: string;
  title: string;
  detail: string[];
  /** The person may go back instead of answering; the question then rejects with `WentBack`. */
  mayGoBack?: true;
  /** The answer of a run without a person, and why it is safe. Without one such a run stops here. */
  unattended?: { answer: string; why: string };
  /** What a person answered stands: where nobody is there later in the incident, it comes before `unattended`. */
  stands?: true;
}

export interface Option {
  value: string;
  label: string;
  /** Shown beside the label. */
  detail?: string;
  /** Why it cannot be chosen. */
  disabled?: string;
}

/** One of several; nothing is preselected. */
export interface ChooseQuestion extends QuestionBase {
  kind: 'choose';
  options: Option[];
  view?: ChooseView;
}

/** What a screen may draw beside the options. */
export type ChooseView =
  /** Before a task: start, skip or leave. */
  | { kind: 'proceed'; preview: Preview }
  | { kind: 'failed'; message: string; hint?: string; ifItFails?: string }
  /** `problem`: why the one chosen before cannot be used. */
  | { kind: 'backups'; damagedAt: string; backups: BackupChoice[]; problem?: string }
  | { kind: 'modes'; modes: ModeChoice[] };

/** One backup as the picker shows it; the option's value is its `ref`. Newest first. */
export interface BackupChoice {
  ref: string;
  /** UTC, or null when neither manifest nor file name tells. */
  takenAt: string | null;
  bytes: number;
  verified: boolean | null;
  afterDamage: boolean;
  /** Damage time minus backup time, seconds; negative for backups after the damage. */
  rpoAgeSeconds: number | null;
  rpoMet: boolean | null;
  holdsTenant: boolean | null;
  /** Equal digest: nothing to restore. */
  sameAsLive: boolean | null;
  /** The tenant's rows per table, where the manifest tells. */
  rows: Record<string, number> | null;
  /** Difference of total rows from the next older backup. */
  rowsAgainstOlder: number | null;
}

/** What one restore mode would do in total. */
export interface ModeChoice {
  mode: RestoreMode;
  added: number;
  changedBack: number;
  deleted: number;
  kept: number;
  tables: TableEffects[];
}

/** Free text. */
export interface AskQuestion extends QuestionBase {
  kind: 'ask';
  initial: string;
  /** Says what is wrong with an answer, or null. */
  check?: (answer: string) => string | null;
}

/** Why something out of the ordinary is done; never empty. */
export interface ReasonQuestion extends QuestionBase {
  kind: 'reason';
}

/** A text of several lines to change, such as a message. Its answer is not journaled: it may hold anything. */
export interface EditQuestion extends QuestionBase {
  kind: 'edit';
  text: string;
  /** Says what is wrong with a text, or null. */
  check?: (text: string) => string | null;
}

/** The typed confirmation. The answer is what was typed; only the exact phrase counts. */
export interface ConfirmQuestion extends QuestionBase {
  kind: 'confirm';
  phrase: string;
  /** What is typed is the database's name, and consents to what the task does to others, not to the task. */
  aside?: true;
  preview: Preview;
}

/** Manual work, ticked off. */
export interface ChecklistQuestion extends QuestionBase {
  kind: 'checklist';
  items: string[];
}

/** The plan browser: tables and single rows may be unticked before the confirmation. */
export interface PlanQuestion extends QuestionBase {
  kind: 'plan';
  mode: RestoreMode;
  tables: TableEffects[];
  conflicts: Conflict[];
  drift: Drift[];
  sharedNeeded: SharedNeed[];
  revivals: Revival[];
  /** Rows of one table, a page at a time. */
  effects(page: EffectsPage): Promise<RowEffect[]>;
}

/** What the operator left out of a plan: whole tables, and rows by their key text. */
export interface PlanReview {
  withoutTables: string[];
  withoutRows: Record<string, string[]>;
  /** Per table with revivals: what to do with rows that would come back to life. */
  revivals: Record<string, Revival['decision']>;
}

export type Question =
  | ChooseQuestion
  | AskQuestion
  | ReasonQuestion
  | EditQuestion
  | ConfirmQuestion
  | ChecklistQuestion
  | PlanQuestion;

/**
 * Whoever answers. Every method rejects with `interrupted` when the person leaves (or the signal fires), with
 * `WentBack` where the question allows it, and with `confirmation-refused` when nobody is there who could answer.
 */
export interface Operator {
  /** False when nobody is there: questions then get their `unattended` answer, or stop the run. */
  readonly attended: boolean;
  /** The phrase was given before anything was shown, or what it is about was: nobody reads what stands above it. */
  readonly beforehand?: boolean;
  /** Resolves with the value of an enabled option. */
  choose(question: ChooseQuestion, signal: AbortSignal): Promise<string>;
  ask(question: AskQuestion, signal: AbortSignal): Promise<string>;
  reason(question: ReasonQuestion, signal: AbortSignal): Promise<string>;
  /** Resolves with the text as it is to be. */
  edit(question: EditQuestion, signal: AbortSignal): Promise<string>;
  /** Resolves with the text as typed; null goes back without confirming. */
  confirm(question: ConfirmQuestion, signal: AbortSignal): Promise<string | null>;
  /** Resolves once every item is ticked; null leaves it undone. */
  checklist(question: ChecklistQuestion, signal: AbortSignal): Promise<'done' | null>;
  review(question: PlanQuestion, signal: AbortSignal): Promise<PlanReview>;
}

/** The operator as actions meet one: confirmations are compared, asked again and journaled. */
export interface Confirming extends Operator {
  /** True only for the exact phrase; false when the person goes back. */
  confirmed(question: ConfirmQuestion, signal: AbortSignal): Promise<boolean>;
}

/**
 * The person went back instead of answering. Whoever asked goes to what stood before the question; where nobody
 * does, the run stops at a safe point, as when the person leaves.
 */
export class WentBack extends TenantDrError {
  constructor() {
    super('interrupted', 'The operator went back.', { hint: 'Go on with `tenant-dr resume`.' });
  }
}

/** The answer, or null when the person went back. */
export async function unlessBack<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WentBack) return null;
    throw error;
  }
}

/** Leaves nothing out. */
export const wholePlan: PlanReview = { withoutTables: [], withoutRows: {}, revivals: {} };
