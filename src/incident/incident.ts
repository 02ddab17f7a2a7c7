import { basename, join, resolve } from 'node:path';
import { TenantDrError } from '../errors.ts';
import type { Entry, EntryOf, IncidentEvent } from './events.ts';
import type { JournalWriter } from './journal.ts';
import type { IncidentLock } from './lock.ts';
import { Mirror } from './mirror.ts';
import { JournalReader, type Opening } from './reader.ts';
import type { IncidentState } from './records.ts';
import { snapshot } from './state.ts';

/** A clock set back by less than this is no news; one put forward may also be a computer waking up. */
const setBackSeconds = 2;
const setForwardSeconds = 60;
const followMilliseconds = 250;

export const journalName = 'journal.jsonl';

/** What was found out while opening, to be shown to the operator. */
export interface Opened {
  incident: Incident;
  /** A line cut short by a crash was taken off the end. */
  torn: { line: number; bytes: number } | null;
}

interface Writing {
  writer: JournalWriter;
  lock: IncidentLock;
  now: () => number;
  mirror: Mirror | null;
}

/**
 * One incident: its journal, and the state that follows from it. Opened to write (one process at a time) or to
 * look on. `state` is a new object after every event and stays as it is afterwards, so `subscribe` and `state`
 * fit useSyncExternalStore.
 */
export class Incident {
  readonly id: string;
  readonly dir: string;
  #journal: JournalReader;
  #snapshot: IncidentState | null = null;
  #listeners = new Set<() => void>();
  #writing: Writing | null;
  #following: Following | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  /** Our own clock at the last line, and whether that line was ours. */
  #monotonic = performance.now();
  #recorded = false;
  #closed = false;

  private constructor(dir: string, journal: JournalReader, writing: Writing | null) {
    this.id = basename(dir);
    this.dir = dir;
    this.#journal = journal;
    this.#writing = writing;
  }

  /** For the store only: an incident this process writes, whose journal already holds `incident.opened`. */
  static writing(
    dir: string,
    writer: JournalWriter,
    lock: IncidentLock,
    now: () => number,
    mirrorDir: string | null,
  ): Incident {
    const incident = new Incident(dir, writer.journal, { writer, lock, now, mirror: null });
    if (mirrorDir && incident.#writing) {
      incident.#writing.mirror = new Mirror(writer.journal.path, join(mirrorDir, incident.id), (failure) =>
        incident.#mirrorChanged(failure),
      );
      incident.#writing.mirror.update();
    }
    return incident;
  }

  /** For the store only: an incident somebody else may be writing. Rejects with journal-damaged. */
  static async reading(dir: string): Promise<Opened> {
    const reader = new JournalReader(join(dir, journalName));
    const torn = await reader.readOn();
    reader.begun();
    const incident = new Incident(dir, reader, null);
    incident.#following = { timer: null };
    return { incident, torn };
  }

  /**
   * For the store only: what the journal says up to its end or its damage; null when it never began, or begins as
   * one that is not wanted.
   */
  static async lookAt(
    dir: string,
    wanted: (opened: Opening) => boolean = () => true,
  ): Promise<{ state: IncidentState | null; damage: TenantDrError | null } | null> {
    const reader = new JournalReader(join(dir, journalName));
    let damage: TenantDrError | null = null;
    try {
      await reader.readOn(wanted);
    } catch (error) {
      if (!(error instanceof TenantDrError && error.code === 'journal-damaged')) throw error;
      damage = error;
    }
    const { state } = reader;
    if (state ? !wanted(state.opened) : !damage) return null;
    return { state, damage };
  }

  get entries(): readonly Entry[] {
    return this.#journal.entries;
  }

  get state(): IncidentState {
    this.#snapshot ??= snapshot(this.#journal.begun());
    return this.#snapshot;
  }

  /** Why the second copy is not up to date, or null. */
  get mirrorFailure(): string | null {
    return this.#writing?.mirror?.failure ?? null;
  }

  /** Path of a file or folder of this incident, such as `safety/…`. */
  path(...names: string[]): string {
    return join(this.dir, ...names);
  }

  /** Called after every event, whoever wrote it. Returns how to stop. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Records an event: on disk when this resolves, and in `state`. Rejects with journal-unwritable (nothing was
   * recorded; do not go on to anything destructive) or fenced-off.
   */
  append(event: IncidentEvent): Promise<Entry> {
    return this.#oneByOne(async (writing) => {
      await this.#noteClock(writing);
      return this.#record(writing, event);
    });
  }

  /**
   * Records a wall clock that was set back since the last look, so that no clock of the incident runs backwards.
   * `append` does this by itself; screens may call it on their tick.
   */
  checkClock(): Promise<void> {
    return this.#oneByOne((writing) => this.#noteClock(writing));
  }

  /** Rejects with fenced-off when somebody took over. To be called right before every destructive step. */
  async assertFence(): Promise<void> {
    await this.#writer().lock.assertFence();
  }

  /** Keeps a second copy of a file (a safety copy) in the mirror, if there is one. */
  mirrorFile(path: string): void {
    this.#writing?.mirror?.add(path);
  }

  /** Writes the situation and a note for whoever comes next, and lets go of the incident. */
  async handOver(situation: string, note: string): Promise<void> {
    await this.append({ event: 'handed-over', situation, note });
    await this.close('handed over');
  }

  /** Looks for new lines of another process from now on; a damage met on the way goes to `onFailure`. */
  follow(onFailure: (error: unknown) => void, everyMilliseconds: number = followMilliseconds): void {
    if (!this.#following || this.#following.timer) return;
    const look = () => {
      if (this.#closed) return;
      this.refresh().then(again, onFailure);
    };
    const again = () => {
      if (this.#following && !this.#closed) this.#following.timer = setTimeout(look, everyMilliseconds);
    };
    again();
  }

  /** Reads what another process has added. Rejects with journal-damaged. */
  async refresh(): Promise<void> {
    if (!this.#following) return;
    const known = this.#journal.entries.length;
    await this.#journal.readOn();
    if (this.#journal.entries.length > known) this.#tell();
  }

  /** Lets go: releases the lock, stops following. The incident itself stays open until a `closed` event. */
  async close(reason?: string): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#following?.timer) clearTimeout(this.#following.timer);
    if (this.#writing) await this.#release(this.#writing, reason);
  }

  async #release(writing: Writing, reason: string | undefined): Promise<void> {
    await this.#queue;
    try {
      await this.#record(writing, { event: 'lock.released', reason });
      await writing.lock.release(writing.now);
    } catch (error) {
      // Nothing of the record is lost: whoever took over has it, or the disk is full, and then the lock counts as
      // dead once this process is gone. An error here would hide the outcome of what was done.
      if (!isAboutWriting(error)) throw error;
    } finally {
      await writing.writer.close();
      await writing.mirror?.settled();
    }
  }

  #writer(): Writing {
    if (this.#writing && !this.#closed) return this.#writing;
    throw new TenantDrError(
      'internal',
      `${this.id} was opened to look on, or was closed: nothing can be recorded.`,
    );
  }

  /** Events are recorded in the order of the calls, each whole before the next. */
  #oneByOne<Result>(work: (writing: Writing) => Promise<Result>): Promise<Result> {
    const done = this.#queue.then(() => work(this.#writer()));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #record(writing: Writing, event: IncidentEvent): Promise<Entry> {
    const entry = await writing.writer.append(event);
    this.#monotonic = performance.now();
    this.#recorded = true;
    this.#tell();
    if (entry.event === 'restore.intended') this.#mirrorEvidence(entry);
    writing.mirror?.update();
    return entry;
  }

  /** What a restore would be undone or probed with. Paths may be relative to the incident's folder. */
  #mirrorEvidence({ safetyCopy, effects }: EntryOf<'restore.intended'>): void {
    for (const path of [safetyCopy.path, effects.file]) this.mirrorFile(resolve(this.dir, path));
  }

  async #noteClock(writing: Writing): Promise<void> {
    const expected = Date.parse(this.#journal.begun().last.at) + (performance.now() - this.#monotonic);
    const bySeconds = (writing.now() - expected) / 1000;
    // before our first line the journal is all we know, and the time nobody worked is no jump
    const setForward = this.#recorded && bySeconds > setForwardSeconds;
    if (bySeconds > -setBackSeconds && !setForward) return;
    const seenBy = this.#recorded ? 'running-clock' : 'journal';
    await this.#record(writing, { event: 'clock.jumped', bySeconds, seenBy });
  }

  #tell(): void {
    this.#snapshot = null;
    for (const listener of this.#listeners) listener();
  }

  #mirrorChanged(failure: string | null): void {
    if (!this.#writing || this.#closed) return;
    const event: IncidentEvent =
      failure === null ? { event: 'mirror.recovered' } : { event: 'mirror.failed', reason: failure };
    // a journal that cannot be written is reported by the next append, which somebody waits for
    this.append(event).catch(() => undefined);
  }
}

function isAboutWriting(error: unknown): boolean {
  return (
    error instanceof TenantDrError && (error.code === 'fenced-off' || error.code === 'journal-unwritable')
  );
}

interface Following {
  timer: NodeJS.Timeout | null;
}
