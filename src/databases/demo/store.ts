export type DemoValue = string | number | Buffer | null;
export type DemoRow = Record<string, DemoValue>;

/** The demo's database as its application writes it, whatever kind of database it is. Nobody else uses it yet. */
export interface DemoStore {
  /** Inserts a row and returns its id; 0 for tables whose ids no other row refers to. */
  insert(table: string, row: DemoRow): number;
  /** Runs one of the fixed statements of the demo with named values: `@name` stands for `values.name`. */
  run(sql: string, values: DemoRow): void;
  /** First column of all rows, as numbers. */
  numbers(sql: string, values: DemoRow): Promise<number[]>;
  /** One transaction around the rows and statements of `work`. All of them belong inside one. */
  together(work: () => void): Promise<void>;
  /** A database that is a file is whole and nobody's until the next row: nothing waits in a log beside it. */
  rest(): Promise<void>;
  close(): Promise<void>;
}
