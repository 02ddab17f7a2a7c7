import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Config } from '../../config/schema.ts';
import type { Finding } from './finding.ts';
import { failure, fine, warning } from './finding.ts';

/** The config file itself: there, labelled, and writable by nobody who should not run commands as us. */
export function examineConfig(config: Config): Finding[] {
  const findings = config.file === undefined ? [noFile()] : [fileRights(config.file)];
  findings.push(
    config.environment === 'unlabelled'
      ? warning(
          'environment',
          'the database has no environment label',
          'set environment: in the config, so that nobody takes staging for production',
        )
      : fine('environment', config.environment),
  );
  return findings;
}

function noFile(): Finding {
  return warning(
    'config',
    'no config file: conventional names are assumed',
    'write one with tenant-dr init, then review it',
  );
}

function fileRights(file: string): Finding {
  const writable = (statSync(file).mode & 0o022) !== 0;
  if (!writable) return fine('config', file);
  return warning(
    'config',
    `${file} can be written by others, and it names commands that are run`,
    `chmod go-w ${file}`,
  );
}

/** Programs the config names: hooks, health check, delivery. */
export function examineTools(config: Config, path: string | undefined, cwd: string): Finding[] {
  const named = new Set(commandsOf(config).map(([program]) => program ?? ''));
  return [...named].map((program) =>
    isExecutable(program, path, cwd)
      ? fine('program', program)
      : failure(
          'tool-missing',
          'program',
          `${program} is named in the config and cannot be run`,
          'install it, or correct hooks:, health: or deliver:',
        ),
  );
}

function commandsOf({ hooks, health, deliver }: Config): string[][] {
  const hooked = [hooks.suspend, hooks.reactivate].flatMap(({ before, after }) => [...before, ...after]);
  const health_ = health && 'command' in health ? [health.command] : [];
  const delivery = deliver && 'command' in deliver ? [deliver.command] : [];
  return [...hooked.map(({ command }) => command), ...health_, ...delivery];
}

function isExecutable(program: string, path: string | undefined, cwd: string): boolean {
  const places = program.includes('/') ? [cwd] : (path ?? '').split(delimiter);
  return places.some((place) => canRun(isAbsolute(program) ? program : resolve(join(place, program))));
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
