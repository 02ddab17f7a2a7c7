import type { StageRequest } from '../../../engine/port.ts';
import type { Schema } from '../../../engine/schema.ts';
import { TenantDrError } from '../../../errors.ts';
import type { Target } from '../connect.ts';
import type { Structure } from '../introspect.ts';
import type { Watch } from '../live-keys.ts';
import { schemaMark, sliceMark } from '../slice-marks.ts';
import type { Loader, Source } from '../stage.ts';
import { insertsOnly } from './archive-source.ts';
import type { CopyHeader } from './ddl.ts';
import { DdlReader, parseInsert } from './ddl.ts';
import type { BlockSink } from './filter-sink.ts';
import { FilterSink } from './filter-sink.ts';
import { keyFilter } from './keys.ts';
import type { PresentLeaf } from './partitions.ts';
import { placeOf } from './partitions.ts';
import { Picker } from './picker.ts';
import { readPlain } from './plain.ts';

/** Plain SQL: one pass over the whole file, in whatever order it holds the tables. */
export class PlainSource implements Source {
  schema: Schema;
  private readonly open: () => AsyncIterable<Buffer>;
  private readonly path: string;
  private readonly structure: Structure;
  private readonly partitions: Map<string, PresentLeaf>;
  private readonly target: Target;
  private readonly whole: boolean;
  private ddl: DdlReader;

  constructor(
    open: () => AsyncIterable<Buffer>,
    path: string,
    structure: Structure,
    partitions: Map<string, PresentLeaf>,
    target: Target,
    whole: boolean,
  ) {
    this.open = open;
    this.path = path;
    this.structure = structure;
    this.partitions = partitions;
    this.target = target;
    this.whole = whole;
    this.ddl = this.freshDdl();
    this.schema = { tables: [], fingerprint: '' };
  }

  async load(loader: Loader, request: StageRequest, watch: Watch | null): Promise<void> {
    this.ddl = this.freshDdl();
    const picker = new Picker(loader, this.structure, request, { whole: this.whole, watch });
    const copied = new Map<string, string[]>();
    const blocks = new Set<string>();
    let described: Schema | null = null;
    await this.read({
      beginning: (text) => {
        described = describedIn(text);
      },
      insert: (table) => {
        if (picker.wants(table)) throw insertsOnly(table);
      },
      copy: async (header) => {
        const table = this.ddl.tableOf(header);
        if (table === null) return null;
        const block = placeOf(this.ddl.placed(header));
        copied.set(table, header.columns);
        blocks.add(block);
        if (!picker.wants(table)) return null;
        const sink = await picker.block(table, header.columns, this.ddl.encoding);
        const end = sink.end.bind(sink);
        sink.end = async () => {
          await end();
          if (this.complete(table, blocks)) picker.finish(table);
        };
        return sink;
      },
    });
    await picker.finishSpooled();
    this.schema = described ?? this.ddl.finish(copied, blocks, this.structure.schema);
  }

  private freshDdl(): DdlReader {
    return new DdlReader(this.target.schema, this.partitions);
  }

  /** All of a table's rows were seen: its one block, or one block per partition. */
  private complete(table: string, blocks: Set<string>): boolean {
    const { partitions } = this.ddl;
    // Data loaded by way of the root comes in an unknown number of blocks.
    if (partitions.leavesOf(table).length > 0) {
      const root = placeOf({ schema: this.target.schema, name: table });
      return !blocks.has(root) && partitions.leavesOf(table).every((leaf) => blocks.has(leaf));
    }
    // Without definitions nothing says that no partition follows.
    return this.ddl.tables.has(table);
  }

  async loadKeys(loader: Loader, table: string, columns: string[], keys: string[][]): Promise<void> {
    await this.read({
      beginning: () => undefined,
      insert: () => undefined,
      copy: async (header) => {
        if (this.ddl.tableOf(header) !== table) return null;
        loader.table(table, header.columns);
        return new FilterSink(
          loader,
          table,
          header.columns,
          this.ddl.encoding,
          keyFilter(
            this.structure,
            table,
            header.columns,
            columns,
            await loader.encoded(keys, this.ddl.encoding),
          ),
        );
      },
    });
  }

  private async read(on: {
    beginning: (text: string) => void;
    insert: (table: string) => void;
    copy: (header: CopyHeader) => Promise<BlockSink | null>;
  }): Promise<void> {
    let sink: BlockSink | null = null;
    try {
      const chunks = tapped(this.open(), on.beginning);
      for await (const event of readPlain(chunks, this.path, this.target.database)) {
        if (event.type === 'data') await sink?.write(event.bytes);
        else if (event.type === 'copy') sink = await on.copy(event.header);
        else if (event.type === 'end') {
          const ended: BlockSink | null = sink;
          sink = null;
          await ended?.end();
        } else this.statement(event.text, on.insert);
      }
    } catch (error) {
      await (sink as BlockSink | null)?.abort();
      throw error;
    }
  }

  private statement(text: string, onInsert: (table: string) => void): void {
    const insert = parseInsert(text);
    const table = insert ? this.ddl.tableOf(insert) : null;
    if (table !== null) onInsert(table);
    this.ddl.read(text);
  }

  async close(): Promise<void> {
    // The file is closed when its stream ends.
  }
}

/** No description of a thousand tables is longer: what has no second line until then is no slice of ours. */
const longestBeginning = 64 * 2 ** 20;

/**
 * Shows the beginning of a stream, once its first two lines are there: the second of our own slices describes all of
 * their tables.
 */
async function* tapped(chunks: AsyncIterable<Buffer>, show: (text: string) => void): AsyncGenerator<Buffer> {
  let beginning: Buffer | null = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (beginning) {
      beginning = Buffer.concat([beginning, chunk]);
      const lines = beginning.indexOf('\n', beginning.indexOf('\n') + 1);
      if (lines > 0 || beginning.length > longestBeginning) {
        show(beginning.toString('utf8'));
        beginning = null;
      }
    }
    yield chunk;
  }
  if (beginning) show(beginning.toString('utf8'));
}

/** Our own slices say in their second line what their tables were. */
function describedIn(text: string): Schema | null {
  const [mark, line] = text.split('\n', 2);
  if (mark !== sliceMark || !line?.startsWith(schemaMark)) return null;
  try {
    return JSON.parse(line.slice(schemaMark.length)) as Schema;
  } catch (error) {
    throw new TenantDrError('backup-corrupt', 'The description of tables in this archive cannot be read.', {
      cause: error,
    });
  }
}
