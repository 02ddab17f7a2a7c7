import type { Loader } from '../stage.ts';
import type { RowFilter } from './row-filter.ts';

/** Matching rows are sent to the server in pieces of about this many bytes. */
const pieceBytes = 512 * 1024;
/** So many are held while the server has other work to do. */
const heldBytes = 16 << 20;

/** Takes the bytes of one COPY block. */
export interface BlockSink {
  write(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
  abort(): Promise<void>;
}

/**
 * Filters a block and copies what matches, one COPY a piece: tables that are read side by side take turns on the one
 * connection, and the next piece is gathered while one is sent.
 */
export class FilterSink implements BlockSink {
  private readonly loader: Loader;
  private readonly table: string;
  private readonly columns: string[];
  private readonly encoding: string;
  private readonly filter: RowFilter;
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private sending: Promise<unknown> = Promise.resolve();
  private busy = false;

  constructor(loader: Loader, table: string, columns: string[], encoding: string, filter: RowFilter) {
    this.loader = loader;
    this.table = table;
    this.columns = columns;
    this.encoding = encoding;
    this.filter = filter;
  }

  async write(chunk: Buffer): Promise<void> {
    // Copied: the chunk's memory is used again, and a row must not keep a mebibyte of others alive.
    const rows = Buffer.concat(this.filter.push(chunk));
    if (rows.length === 0) return;
    this.pending.push(rows);
    this.pendingBytes += rows.length;
    if (this.pendingBytes >= (this.busy ? heldBytes : pieceBytes)) await this.flush();
  }

  private async flush(): Promise<void> {
    await this.sending;
    if (this.pendingBytes === 0) return;
    this.sending = this.loader.copy(this.table, this.columns, this.pending, this.encoding);
    // A failure shows when the next piece, or the end, waits for this one.
    this.busy = true;
    this.sending
      .catch((error: unknown) => void error)
      .finally(() => {
        this.busy = false;
      });
    this.pending = [];
    this.pendingBytes = 0;
  }

  async end(): Promise<void> {
    await this.flush();
    await this.sending;
  }

  async abort(): Promise<void> {
    await this.sending.catch((error: unknown) => void error);
  }
}

/** The same bytes for two. */
export function both(first: BlockSink, second: BlockSink): BlockSink {
  return {
    write: async (chunk) => {
      await first.write(chunk);
      await second.write(chunk);
    },
    end: async () => {
      await first.end();
      await second.end();
    },
    abort: async () => {
      await first.abort();
      await second.abort();
    },
  };
}
