import type { StageRequest } from '../../../engine/port.ts';
import type { Schema } from '../../../engine/schema.ts';
import type { SliceTable } from '../../../engine/slice.ts';
import { TenantDrError } from '../../../errors.ts';
import type { Structure } from '../introspect.ts';
import type { Watch } from '../live-keys.ts';
import type { Loader, Source } from '../stage.ts';
import { hasLoops } from '../workspace.ts';
import type { Archive, ArchiveEntry } from './archive.ts';
import type { TableData } from './archive-data.ts';
import { DdlReader, parseCopy } from './ddl.ts';
import { FilterSink } from './filter-sink.ts';
import { keyFilter } from './keys.ts';
import { Lexer } from './lexer.ts';
import type { PresentLeaf } from './partitions.ts';
import { placeOf } from './partitions.ts';
import { Picker } from './picker.ts';

/** Inflating is what takes the time; each stream has a thread of its own. */
const streamsAtOnce = 2;

/** A custom or directory archive: tables are read parents first, each at its place, and others not at all. */
export class ArchiveSource implements Source {
  schema: Schema;
  private readonly archive: Archive;
  private readonly data: TableData;
  private readonly structure: Structure;
  private readonly ddl: DdlReader;
  private readonly whole: boolean;
  /** Table data of our schema, by the table it belongs to: a partitioned one has many. */
  private readonly blocks = new Map<string, { entry: ArchiveEntry; columns: string[] }[]>();

  constructor(
    archive: Archive,
    data: TableData,
    structure: Structure,
    partitions: Map<string, PresentLeaf>,
    schema: string,
    whole: boolean,
  ) {
    this.archive = archive;
    this.data = data;
    this.structure = structure;
    this.whole = whole;
    this.ddl = new DdlReader(schema, partitions);
    for (const entry of archive.entries)
      for (const statement of statements(entry.definition)) this.ddl.read(statement);
    const copied = new Map<string, string[]>();
    const seen = new Set<string>();
    for (const entry of archive.entries) {
      if (entry.kind !== 'TABLE DATA') continue;
      const header = parseCopy(entry.copyStatement.trim().replace(/;$/, ''));
      const place = this.ddl.placed(header ?? { schema: entry.schema || null, name: entry.tag });
      const table = this.ddl.tableOf(place);
      if (table === null) continue;
      const columns = header?.columns ?? [];
      copied.set(table, columns);
      seen.add(placeOf(place));
      this.blocks.set(table, [...(this.blocks.get(table) ?? []), { entry, columns }]);
    }
    this.schema = this.ddl.finish(copied, seen, structure.schema);
  }

  /** Tables are read side by side, each when those are done through which its rows belong. */
  async load(loader: Loader, request: StageRequest, watch: Watch | null): Promise<void> {
    const picker = new Picker(loader, this.structure, request, { whole: this.whole, watch });
    const waiting = [...request.shape.tables];
    const total = waiting.length;
    // What is spooled for a later pass goes to one file, one table after the other.
    const streams = hasLoops(waiting) ? 1 : streamsAtOnce;
    const running = new Set<Promise<void>>();
    const stopped = new AbortController();
    let done = 0;
    try {
      while (done < total) {
        const next = running.size < streams ? waiting.findIndex((slice) => picker.ready(slice)) : -1;
        if (next < 0 && running.size > 0) {
          await Promise.race(running);
          continue;
        }
        const [slice] = waiting.splice(Math.max(next, 0), 1) as [SliceTable];
        const reading = this.read(slice.name, picker, stopped.signal).then(() => {
          running.delete(reading);
          picker.finish(slice.name);
          done++;
          request.onProgress?.({ phase: 'staging', done, total, unit: 'tables' });
        });
        running.add(reading);
      }
    } catch (error) {
      stopped.abort();
      await Promise.allSettled(running);
      throw error;
    }
    await picker.finishSpooled();
  }

  private async read(table: string, picker: Picker, stopped: AbortSignal): Promise<void> {
    for (const block of this.blocks.get(table) ?? []) {
      if (block.entry.copyStatement === '') throw insertsOnly(table);
      const sink = await picker.block(table, block.columns, this.archive.encoding);
      try {
        for await (const chunk of this.data(block.entry)) {
          await sink.write(chunk);
          stopped.throwIfAborted();
        }
      } catch (error) {
        await sink.abort();
        throw error;
      }
      await sink.end();
    }
  }

  async loadKeys(loader: Loader, table: string, columns: string[], keys: string[][]): Promise<void> {
    const { encoding } = this.archive;
    const encoded = await loader.encoded(keys, encoding);
    for (const block of this.blocks.get(table) ?? []) {
      const filter = keyFilter(this.structure, table, block.columns, columns, encoded);
      loader.table(table, block.columns);
      const sink = new FilterSink(loader, table, block.columns, encoding, filter);
      for await (const chunk of this.data(block.entry)) await sink.write(chunk);
      await sink.end();
    }
  }

  async close(): Promise<void> {
    // Files are opened per table and closed after it.
  }
}

function statements(definition: string): string[] {
  const lexer = new Lexer();
  lexer.push(`${definition}\n`);
  const found: string[] = [];
  for (let statement = lexer.next(); statement; statement = lexer.next()) found.push(statement.text);
  return found;
}

export function insertsOnly(table: string): TenantDrError {
  return new TenantDrError(
    'backup-corrupt',
    `This dump holds "${table}" as INSERT statements, from which no tenant can be picked safely. Nothing was changed.`,
    {
      hint: 'Take dumps without --inserts, --column-inserts and --rows-per-insert; restore this one into a scratch database and name that with --from postgres://….',
      table,
    },
  );
}
