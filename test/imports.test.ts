import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Earlier layers know nothing of later ones; folders of one layer may use each other. */
const layers = [
  ['errors.ts', 'places.ts', 'zod.ts'],
  ['policy', 'config'],
  ['engine'],
  ['databases', 'backups'],
  ['incident'],
  ['runbook', 'actions', 'demo'],
  ['tui', 'cli'],
  ['main.ts'],
];

const src = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .sort();

const textOf = (file: string) => readFileSync(join(src, file), 'utf8');

function layerOf(file: string): number {
  const top = file.split('/')[0] ?? '';
  return layers.findIndex((folders) => folders.includes(top));
}

/** Files below src a file imports: `from '…'`, `import('…')` and `new URL('…')` of workers. */
function importsOf(file: string): string[] {
  const found = textOf(file).matchAll(/(?:from\s+|import\(\s*|new URL\(\s*)'(\.[^']+)'/g);
  return [...found].map((match) => relative(src, resolve(src, dirname(file), match[1] ?? '')));
}

/** Source text without comments: what is said about a database in prose is no dependency on it. */
function codeOf(file: string): string {
  return textOf(file)
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(^|\s)\/\/.*$/gm, '');
}

test('every file belongs to a layer', () => {
  expect(files.filter((file) => layerOf(file) === -1)).toEqual([]);
});

test('imports point one way: no layer knows a later one', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((imported) => !imported.startsWith('..') && layerOf(imported) > layerOf(file))
      .map((imported) => `${file} imports ${imported}`),
  );
  expect(wrong).toEqual([]);
});

test('SQL is written in databases only', () => {
  const statement =
    /['"`]\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|PRAGMA|CREATE (TABLE|TEMP|TRIGGER|INDEX)|DROP|ALTER TABLE|ATTACH|VACUUM|BEGIN|COMMIT|ROLLBACK)\s/;
  const wrong = files.filter((file) => !/^(databases|demo)\//.test(file) && statement.test(codeOf(file)));
  expect(wrong).toEqual([]);
});

test('database drivers are loaded in databases only', () => {
  const driver =
    /from '(better-sqlite3|pg|pg-copy-streams|node:sqlite)'|import\('(better-sqlite3|pg|pg-copy-streams|node:sqlite)'\)/;
  expect(files.filter((file) => !/^(databases|demo)\//.test(file) && driver.test(codeOf(file)))).toEqual([]);
});

test('there is one process.exit', () => {
  expect(files.filter((file) => /process\s*\.\s*exit\(/.test(codeOf(file)))).toEqual(['main.ts']);
});

test('no file is longer than 300 lines', () => {
  expect(files.filter((file) => textOf(file).split('\n').length > 301)).toEqual([]);
});

test('no escape hatches: any, ignored type errors, swallowed errors', () => {
  const hatch = /\bas any\b|: any\b|<any>/;
  // A catch that does nothing must at least say why.
  const ignored = /@ts-(ignore|expect-error|nocheck)|catch\s*(\([^)]*\))?\s*\{\s*\}/;
  expect(files.filter((file) => hatch.test(codeOf(file)) || ignored.test(textOf(file)))).toEqual([]);
});

test('every source file is found by the import check', () => {
  expect(files.length).toBeGreaterThan(20);
  expect(importsOf('cli/program.ts')).toContain('errors.ts');
});
