import type { StageRequest } from '../../../engine/port.ts';
import type { Schema } from '../../../engine/schema.ts';
import { TenantDrError } from '../../../errors.ts';
import type { Structure } from '../introspect.ts';
import type { Loader, Source } from '../stage.ts';
import type { Archive, ArchiveEntry } from './archive.ts';
import type { TableData } from './archive-data.ts';
import { DdlReader, parseCopy } from './ddl.ts';
import { keyFilter } from './keys.ts';
import { Lexer } from './lexer.ts';
import { FilterSink, Picker } from './picker.ts';

/** A custom or directory archive: tables are read parents first, each at its place, and others not at all. */
export class ArchiveSource implements Source {
  schema: Schema;
  private readonly archive: Archive;
  private readonly data: TableData;
  private readonly structure: Structure;
  private readonly ddl: DdlReader;
  private readonly whole: boolean;

  constructor(archive: Archive, data: TableData, structure: Structure, schema: string, whole: boolean) {
    this.archive = archive;
    this.data = data;
    this.structure = structure;
    this.whole = whole;
    this.ddl = new DdlReader(schema);
    for (const entry of archive.entries)
      for (const statement of statements(entry.definition)) this.ddl.read(statement);
    const copied = new Map<string, string[]>();
    for (const { table, columns } of this.blocks()) copied.set(table, columns);
    this.schema = this.ddl.finish(copied, structure.schema);
  }

  /** Table data of our schema, under the name of the table it belongs to. */
  private blocks(): { entry: ArchiveEntry; table: string; columns: string[] }[] {
    return this.archive.entries.flatMap((entry) => {
      if (entry.kind !== 'TABLE DATA') return [];
      const header = parseCopy(entry.copyStatement.trim().replace(/;$/, ''));
      const own = this.ddl.own({ schema: entry.schema || null, name: entry.tag });
      if (own === null) return [];
      return [{ entry, table: this.ddl.rootOf(header ? header.name : own), columns: header?.columns ?? [] }];
    });
  }

  async load(loader: Loader, request: StageRequest): Promise<void> {
    const picker = new Picker(loader, this.structure, request, this.whole);
    const blocks = this.blocks();
    let done = 0;
    for (const slice of request.shape.tables) {
      for (const block of blocks.filter((one) => one.table === slice.name)) {
        if (block.entry.copyStatement === '') throw insertsOnly(slice.name);
        const sink = await picker.block(slice.name, block.columns, this.archive.encoding);
        try {
          for await (const chunk of this.data(block.entry)) await sink.write(chunk);
        } catch (error) {
          await sink.abort();
          throw error;
        }
        await sink.end();
      }
      picker.finish(slice.name);
      request.onProgress?.({
        phase: 'staging',
        done: ++done,
        total: request.shape.tables.length,
        unit: 'tables',
      });
    }
    await picker.finishSpooled();
  }

  async loadKeys(loader: Loader, table: string, columns: string[], keys: (string | null)[][]): Promise<void> {
    for (const block of this.blocks().filter((one) => one.table === table)) {
      const filter = keyFilter(this.structure, table, block.columns, columns, keys);
      await loader.table(table, block.columns);
      const sink = new FilterSink(loader, table, block.columns, this.archive.encoding, filter);
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
