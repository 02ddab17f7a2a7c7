import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { commands } from '../src/cli/commands/index.ts';
import { keyTable } from '../src/tui/key-table.ts';

const root = new URL('../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

function keysAsMarkdown(): string {
  const rows = keyTable.run.map(({ shown, help }) => `| \`${shown}\` | ${help} |`);
  return [
    'While a runbook runs (`?` explains every other screen):',
    '',
    '| key | does |',
    '| --- | --- |',
    ...rows,
  ].join('\n');
}

test('the README names every command, and no command that is not there', () => {
  const table = readme.slice(readme.indexOf('## Commands'), readme.indexOf('## Keys'));
  const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z ]+)`/g)].map((match) => match[1]),
  );
  expect(named.sort()).toEqual(commands.map(({ name }) => name).sort());
});

test('the keys in the README are those of the key table', () => {
  const between = /<!-- keys -->\n([\s\S]*?)\n?<!-- \/keys -->/.exec(readme)?.[1];
  expect(between).toBe(keysAsMarkdown());
});

test('the README has a word for every dependency', () => {
  const names = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
  const builtOn = readme.slice(readme.indexOf('## Built on'));
  const missing = names.filter(
    (name) => !name.startsWith('@types/') && !new RegExp(`(^|[\\s|,])${name}([\\s|,.]|$)`, 'm').test(builtOn),
  );
  expect(missing).toEqual([]);
});

test('every dependency is used', () => {
  const src = fileURLToPath(new URL('src', root));
  const code = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => readFileSync(`${src}/${file}`, 'utf8'))
    .join('\n');
  const unused = Object.keys(manifest.dependencies).filter(
    (name) => !new RegExp(`(from|import\\(|import) ?'${name}(/[^']*)?'`).test(code),
  );
  expect(unused).toEqual([]);
});

test('the two commands of the README are scripts of the package', () => {
  expect(readme).toContain('npm install && npm start');
  expect(readme).toContain('npm install && npm test');
  expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(['prepare', 'start', 'test']));
  expect(manifest.engines.node).toBe('>=22.15');
  expect(readme).toContain('Node 22.15');
});
