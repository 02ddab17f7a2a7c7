import type { FileHandle } from 'node:fs/promises';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StageRequest } from '../../../engine/port.ts';
import type { SliceTable } from '../../../engine/slice.ts';
import { linksOf } from '../../../engine/slice.ts';
import type { Structure } from '../introspect.ts';
import type { Watch } from '../live-keys.ts';
import type { Loader } from '../stage.ts';
import { idText } from '../tenants.ts';
import { hasLoops } from '../workspace.ts';
import { escapeCopy } from './copy-text.ts';
import type { BlockSink } from './filter-sink.ts';
import { both, FilterSink } from './filter-sink.ts';
import type { Harvest, RowTest, Way } from './row-filter.ts';
import { fold, keysIn, RowFilter } from './row-filter.ts';

interface Spooled {
  table: string;
  columns: string[];
  encoding: string;
  from: number;
  to: number;
}

/**
 * Picks the slices asked for out of a dump's tables and loads them, whatever the tables' order: a table whose rows
 * belong through others is filtered once those are done; met earlier, it waits in a private spool file.
 */
export class Picker {
  private readonly loader: Loader;
  private readonly request: StageRequest;
  private readonly structure: Structure;
  private readonly whole: boolean;
  private readonly watch: Watch | null;
  private readonly watched = new Map<string, Promise<Set<string>>>();
  private readonly keys = new Map<string, Set<string>>();
  private readonly done = new Set<string>();
  private readonly spooled: Spooled[] = [];
  /** The tenants' ids, byte for byte as the dump has them. */
  private ids: string[][] | null = null;
  private spool: FileHandle | null = null;
  private spooledBytes = 0;

  /** `whole`: every row is the tenant's. `watch`: others' rows with a key to watch for are picked as well. */
  constructor(
    loader: Loader,
    structure: Structure,
    request: StageRequest,
    { whole, watch }: { whole: boolean; watch: Watch | null },
  ) {
    this.loader = loader;
    this.structure = structure;
    this.request = request;
    this.whole = whole;
    this.watch = watch;
  }

  wants(table: string): boolean {
    return this.request.shape.tables.some((slice) => slice.name === table);
  }

  /** No more rows of this table will come. */
  finish(table: string): void {
    // A spooled table's keys are known only once it was filtered.
    if (!this.spooled.some((part) => part.table === table)) this.settle(table);
  }

  private settle(table: string): void {
    this.done.add(table);
    this.watched.delete(table);
    this.loader.onComplete(table);
  }

  /** Which of the table's rows are wanted can be said by now. */
  ready({ membership }: SliceTable): boolean {
    if (this.whole || membership.via !== 'links') return true;
    return !membership.loops && membership.links.every((link) => this.done.has(link.parent));
  }

  /** A block of a wanted table: filtered at once when it can be, else spooled. */
  async block(table: string, columns: string[], encoding: string): Promise<BlockSink> {
    this.ids ??= await this.loader.encoded(
      this.request.tenants.map((id) => [idText(id)]),
      encoding,
    );
    this.loader.table(table, columns);
    const slice = this.slice(table);
    return this.ready(slice)
      ? this.filtering(slice, columns, encoding)
      : this.spooling(table, columns, encoding);
  }

  /** Filters what was spooled, parents first. */
  async finishSpooled(): Promise<void> {
    try {
      await this.followLoops();
      for (const slice of this.request.shape.tables) {
        for (const part of this.spooled.filter((one) => one.table === slice.name)) {
          const sink = await this.filtering(slice, part.columns, part.encoding);
          for await (const chunk of this.readSpool(part)) await sink.write(chunk);
          await sink.end();
        }
        this.settle(slice.name);
      }
    } finally {
      await this.spool?.close();
    }
  }

  /** Where ownership loops, keys are gathered from the spooled rows until no new one is found. */
  private async followLoops(): Promise<void> {
    if (this.spooled.length === 0 || !hasLoops(this.request.shape.tables)) return;
    const known = (): number => [...this.keys.values()].reduce((sum, keys) => sum + keys.size, 0);
    for (let before = -1; before !== known(); ) {
      before = known();
      for (const slice of this.request.shape.tables) {
        for (const part of this.spooled.filter((one) => one.table === slice.name)) {
          const harvests = this.harvests(slice.name, part.columns);
          const filter = new RowFilter(this.test(slice, part.columns), harvests, part.columns.length);
          for await (const chunk of this.readSpool(part)) filter.push(chunk);
        }
      }
    }
  }

  private slice(table: string): SliceTable {
    return this.request.shape.tables.find((slice) => slice.name === table) as SliceTable;
  }

  private async filtering(slice: SliceTable, columns: string[], encoding: string): Promise<BlockSink> {
    const test = this.whole ? { ways: [], all: true } : this.test(slice, columns);
    const filter = new RowFilter(test, this.whole ? [] : this.harvests(slice.name, columns), columns.length);
    const own = new FilterSink(this.loader, slice.name, columns, encoding, filter);
    const others = await this.others(slice, columns, test.ways);
    return others && this.watch
      ? both(own, new FilterSink(this.watch.loader, slice.name, columns, encoding, others))
      : own;
  }

  /** Picks the rows of others whose key a live row of the tenants has now. */
  private async others(slice: SliceTable, columns: string[], own: Way[]): Promise<RowFilter | null> {
    const { watch } = this;
    const key = watch?.keys.columnsOf(slice.name, columns);
    if (!watch || !key) return null;
    const folded = this.folded(slice.name, key);
    const known =
      this.watched.get(slice.name) ?? watch.keys.copy(slice.name).then((text) => keysIn(text, folded));
    this.watched.set(slice.name, known);
    const keys = await known;
    const fields = key.map((name) => columns.indexOf(name));
    const test = { ways: [{ fields, keys, folded }], all: false, except: own };
    return keys.size === 0 ? null : new RowFilter(test, [], columns.length);
  }

  private test(slice: SliceTable, columns: string[]): RowTest {
    const { membership } = slice;
    const ways: Way[] = [];
    if (membership.via === 'links') {
      for (const link of linksOf(slice)) {
        const fields = link.columns.map((name) => columns.indexOf(name));
        const keys = this.keys.get(keyName(link.parent, link.parentColumns));
        if (keys && fields.every((field) => field >= 0)) {
          ways.push({
            fields,
            keys,
            folded: this.folded(link.parent, link.parentColumns) || this.folded(slice.name, link.columns),
          });
        }
      }
    } else {
      const field = columns.indexOf(membership.column);
      const folded = this.folded(slice.name, [membership.column]);
      const texts = (this.ids ?? []).flat().map(escapeCopy);
      const keys = new Set(
        folded ? texts.map((text) => fold(Buffer.from(text, 'latin1').toString('utf8'))) : texts,
      );
      if (field >= 0) ways.push({ fields: [field], keys, folded });
    }
    return { ways, all: membership.via === 'identity' };
  }

  /** Text equality is not the type's equality in one of these columns. */
  private folded(table: string, names: string[]): boolean {
    const columns = this.structure.relations.get(table)?.columns ?? [];
    return names.some((name) => columns.find((column) => column.name === name)?.exact !== true);
  }

  /** Keys other tables refer to. Two links over the same columns share one set unless one of them folds. */
  private harvests(table: string, columns: string[]): Harvest[] {
    const harvests = new Map<string, Harvest>();
    for (const child of this.request.shape.tables) {
      for (const link of linksOf(child)) {
        if (link.parent !== table) continue;
        const fields = link.parentColumns.map((name) => columns.indexOf(name));
        if (!fields.every((field) => field >= 0)) continue;
        const name = keyName(table, link.parentColumns);
        const into = this.keys.get(name) ?? new Set<string>();
        this.keys.set(name, into);
        const folded = this.folded(table, link.parentColumns) || this.folded(child.name, link.columns);
        harvests.set(`${name}\n${folded}`, { fields, folded, into });
      }
    }
    return [...harvests.values()];
  }

  private async spooling(table: string, columns: string[], encoding: string): Promise<BlockSink> {
    this.spool ??= await openSpool();
    const spool = this.spool;
    const part: Spooled = { table, columns, encoding, from: this.spooledBytes, to: this.spooledBytes };
    return {
      write: async (chunk) => {
        for (let at = 0; at < chunk.length; ) {
          const { bytesWritten } = await spool.write(chunk, at, chunk.length - at, this.spooledBytes);
          at += bytesWritten;
          this.spooledBytes += bytesWritten;
        }
      },
      end: async () => {
        part.to = this.spooledBytes;
        this.spooled.push(part);
      },
      abort: async () => undefined,
    };
  }

  private async *readSpool(part: Spooled): AsyncGenerator<Buffer> {
    for (let at = part.from; at < part.to; ) {
      const buffer = Buffer.alloc(Math.min(1 << 20, part.to - at));
      const { bytesRead } = await (this.spool as FileHandle).read(buffer, 0, buffer.length, at);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}

function keyName(table: string, columns: string[]): string {
  return [table, ...columns].join('\n');
}

/** A file without a name: it is gone when the process ends, however it ends. */
async function openSpool(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'tenant-dr-spool-'));
  try {
    return await open(join(folder, 'rows'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}
