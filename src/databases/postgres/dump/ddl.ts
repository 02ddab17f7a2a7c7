import type { Column, Schema, Table } from '../../../engine/schema.ts';
import { fingerprintOf } from '../introspect.ts';
import type { PlacedName, PresentLeaf, QualifiedName } from './partitions.ts';
import { Partitions, shownPlace } from './partitions.ts';

const identifier = String.raw`(?:"(?:[^"]|"")+"|[^\s"(),.;]+)`;
const qualified = String.raw`(?:(${identifier})\.)?(${identifier})`;

export function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

function nameIn(match: RegExpExecArray, at: number): QualifiedName {
  return {
    schema: match[at] === undefined ? null : unquote(match[at]),
    name: unquote(match[at + 1] as string),
  };
}

export interface CopyHeader extends QualifiedName {
  columns: string[];
}

const copyPattern = new RegExp(String.raw`^COPY\s+${qualified}\s*(?:\(([\s\S]*)\)\s*)?FROM\s+stdin$`, 'i');

/** `COPY schema.table (columns) FROM stdin`; null for any other statement. */
export function parseCopy(statement: string): CopyHeader | null {
  const match = copyPattern.exec(statement);
  if (!match) return null;
  const columns = [...(match[3] ?? '').matchAll(new RegExp(identifier, 'g'))].map((found) =>
    unquote(found[0]),
  );
  return { ...nameIn(match, 1), columns };
}

/** Table an INSERT writes to; null for any other statement. */
export function parseInsert(statement: string): QualifiedName | null {
  const match = new RegExp(`^INSERT INTO\\s+${qualified}`, 'i').exec(statement);
  return match ? nameIn(match, 1) : null;
}

interface Found {
  columns: Column[];
  primaryKey: string[];
  /** Tables it inherits columns from, which its own definition does not repeat. */
  inherits: string[];
}

/** What the DDL of a dump says about the tables of one schema. Only what pg_dump writes is understood. */
export class DdlReader {
  readonly tables = new Map<string, Found>();
  readonly partitions: Partitions;
  encoding = 'UTF8';
  private readonly schema: string;
  /** Dumps from before 10.3 name tables without a schema and set search_path. */
  private path: string | null = null;

  /** `present`: where partitions belong now, for data without definitions. */
  constructor(schema: string, present = new Map<string, PresentLeaf>()) {
    this.schema = schema;
    this.partitions = new Partitions(schema, present);
  }

  /** The name with its schema. */
  placed({ schema, name }: QualifiedName): PlacedName {
    return { schema: schema ?? this.path ?? this.schema, name };
  }

  /** The table's name when it is in our schema. */
  private own(name: QualifiedName): string | null {
    return this.placed(name).schema === this.schema ? name.name : null;
  }

  /** The table of our schema whose rows stand under this name, its own or a partition's; null for any other. */
  tableOf(name: QualifiedName): string | null {
    return this.partitions.tableOf(this.placed(name));
  }

  read(statement: string): void {
    if (/^(CREATE|ALTER)\b/i.test(statement)) this.definition(statement);
    else if (/^SET\b/i.test(statement)) this.setting(statement);
  }

  private setting(statement: string): void {
    const encoding = /^SET client_encoding\s*(?:=|TO)\s*'?([\w-]+)'?$/i.exec(statement);
    if (encoding) this.encoding = encoding[1] as string;
    const path = new RegExp(`^SET search_path\\s*(?:=|TO)\\s*(${identifier})`, 'i').exec(statement);
    if (path) this.path = unquote(path[1] as string);
  }

  private definition(statement: string): void {
    const partitionOf = new RegExp(
      `^CREATE (?:UNLOGGED |FOREIGN )?TABLE ${qualified} PARTITION OF ${qualified}`,
      'i',
    ).exec(statement);
    if (partitionOf) {
      this.attach(nameIn(partitionOf, 1), nameIn(partitionOf, 3));
      this.partitions.define(this.placed(nameIn(partitionOf, 1)), isDivided(statement));
      return;
    }
    const attach = new RegExp(
      `^ALTER TABLE (?:ONLY )?${qualified}\\s+ATTACH PARTITION ${qualified}`,
      'i',
    ).exec(statement);
    if (attach) {
      this.attach(nameIn(attach, 3), nameIn(attach, 1));
      return;
    }
    const create = new RegExp(
      `^CREATE (?:UNLOGGED |FOREIGN )?TABLE (?:IF NOT EXISTS )?${qualified}\\s*\\(`,
      'i',
    ).exec(statement);
    if (create) {
      this.partitions.define(this.placed(nameIn(create, 1)), isDivided(statement));
      const name = this.own(nameIn(create, 1));
      if (name !== null)
        this.tables.set(name, {
          columns: readColumns(statement.slice(create[0].length)),
          primaryKey: [],
          inherits: inheritedFrom(statement),
        });
      return;
    }
    const key = new RegExp(
      `^ALTER TABLE (?:ONLY )?${qualified}\\s+ADD CONSTRAINT ${identifier} PRIMARY KEY \\(([^)]*)\\)`,
      'i',
    ).exec(statement);
    if (!key) return;
    const table = this.tables.get(this.own(nameIn(key, 1)) ?? '');
    if (table)
      table.primaryKey = splitTop(key[3] as string).map((part) =>
        unquote(part.trim().replace(/ WITHOUT OVERLAPS$/i, '')),
      );
  }

  private attach(child: QualifiedName, parent: QualifiedName): void {
    this.partitions.attach(this.placed(child), this.placed(parent));
  }

  /**
   * Tables the dump has rows of, as the engine sees them; `copied`: their columns, `blocks`: where the rows stood. A
   * table that is nowhere defined is described by `fallback`, the live one.
   */
  finish(copied: Map<string, string[]>, blocks: Set<string>, fallback: Schema): Schema {
    const tables = [...copied.keys()].sort().map((name): Table => {
      const live = fallback.tables.find((table) => table.name === name);
      const found = this.tables.get(name);
      const columns = found
        ? this.columnsOf(found).map((column) => ({ ...column, type: likeLive(column, live) }))
        : (copied.get(name) ?? []).map(
            (column) => live?.columns.find((known) => known.name === column) ?? bareColumn(column),
          );
      return {
        name,
        kind: 'table',
        columns,
        // Data without definitions says nothing about keys: then they are taken to be what they are now.
        primaryKey:
          found && (found.primaryKey.length > 0 || this.hasKeys())
            ? found.primaryKey
            : (live?.primaryKey ?? []),
        uniques: [],
        foreignKeys: [],
        triggers: [],
        incomplete: this.partitions.missing(name, blocks).map(shownPlace),
      };
    });
    return { tables, fingerprint: fingerprintOf(tables) };
  }

  private columnsOf(found: Found): Column[] {
    const inherited = found.inherits.flatMap((name) => {
      const parent = this.tables.get(name);
      return parent ? this.columnsOf(parent) : [];
    });
    const own = new Set(found.columns.map((column) => column.name));
    return [...inherited.filter((column) => !own.has(column.name)), ...found.columns];
  }

  private hasKeys(): boolean {
    return [...this.tables.values()].some((table) => table.primaryKey.length > 0);
  }
}

/** `PARTITION BY …` at the end of a definition. */
function isDivided(statement: string): boolean {
  return /\sPARTITION BY (?:RANGE|LIST|HASH) \(/i.test(statement);
}

/** `) INHERITS (a, b)` at the end of a definition. */
function inheritedFrom(statement: string): string[] {
  const list = /\)\s*INHERITS \(([\s\S]*?)\)\s*(?:WITH \([^)]*\)\s*)?$/i.exec(statement)?.[1] ?? '';
  return [...list.matchAll(new RegExp(qualified, 'g'))].map((found) => unquote(found[2] as string));
}

function bareColumn(name: string): Column {
  return { name, type: '', notNull: false, hasDefault: false, generated: false };
}

/** pg_dump writes types of user schemas with the schema in front, the catalog of a session that sees them without. */
function likeLive(column: Column, live: Table | undefined): string {
  const now = live?.columns.find((known) => known.name === column.name)?.type;
  if (now === undefined) return column.type;
  // With --quote-all-identifiers names of types are in quotes, too.
  const plain = (type: string): string => type.replaceAll(/"([a-z_][a-z0-9_]*)"/g, '$1');
  const bare = column.type.replace(new RegExp(`^${identifier}\\.(?=[^.]+$)`), '');
  return [column.type, bare].some((type) => plain(type) === plain(now)) ? now : column.type;
}

const ends =
  /\s(?:DEFAULT|NOT NULL|NULL|COLLATE|GENERATED|CONSTRAINT|CHECK|STORAGE|COMPRESSION|OPTIONS|PRIMARY KEY|UNIQUE|REFERENCES)\b/i;

/** What a definition holds besides columns; `exclude` alone may be the name of one. */
const constraint =
  /^(?:CONSTRAINT|CHECK|PRIMARY KEY|UNIQUE|FOREIGN KEY|LIKE|NOT NULL|EXCLUDE(?= USING\b| \())(?=[\s(])/i;

function readColumns(body: string): Column[] {
  return splitTop(body).flatMap((item) => {
    const text = item.trim();
    if (constraint.test(text) || text === '') return [];
    const name = new RegExp(`^${identifier}`).exec(text)?.[0];
    if (name === undefined) return [];
    const rest = ` ${text.slice(name.length).trim()}`;
    const end = ends.exec(rest);
    return [
      {
        name: unquote(name),
        type: rest.slice(0, end ? end.index : undefined).trim(),
        notNull: /\sNOT NULL\b/i.test(rest),
        hasDefault: /\sDEFAULT\s/i.test(rest),
        generated: /\sGENERATED ALWAYS AS \(/i.test(rest),
      },
    ];
  });
}

/** Items of a list up to its closing bracket, split at commas outside brackets and quotes. */
function splitTop(text: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"' || character === "'") {
      const end = text.indexOf(character, at + 1);
      at = end < 0 ? text.length : end;
    } else if (character === '(' || character === '[') depth++;
    else if ((character === ')' || character === ']') && depth-- === 0)
      return [...items, text.slice(from, at)];
    else if (character === ',' && depth === 0) {
      items.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...items, text.slice(from)];
}
