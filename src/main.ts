#!/usr/bin/env node
// Imports of Node's own modules only: this file must run, and say what is wrong, on a Node too old for the rest.
import module from 'node:module';
import process from 'node:process';

const needed = [22, 15] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

async function main(): Promise<number> {
  if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
    process.stderr.write(
      `error: tenant-dr needs Node ${needed.join('.')} or newer; this is ${process.version}, nothing was done\n` +
        '  hint: install a newer Node; in a clone, node_modules/.bin/node dist/main.js works after npm install\n',
    );
    return 2;
  }
  // What a package will do one day is for its developers, not for the screen of an incident.
  process.noDeprecation = true;
  module.enableCompileCache?.();
  // A reader that went away (a closed pipe, a lost terminal) is no reason to fail half-way through.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const { runProgram } = await import('./cli/program.ts');
  return runProgram(process.argv.slice(2));
}

process.exit(await main());
