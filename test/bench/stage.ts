import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate, type Scale } from './generate.ts';
import { measure, type Run } from './measure.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** The folder the benchmark runs in: pristine database, backups of it, and a live copy that gets damaged. */
export class Stage {
  readonly scale: Scale;
  readonly home: string;
  readonly live: string;
  readonly plain: string;
  readonly gzip: string;
  readonly program = [process.execPath, resolve(here, '../../dist/main.js')];

  constructor(folder: string, scale: Scale) {
    this.scale = scale;
    this.home = generate(folder, scale);
    this.live = join(this.home, 'live.db');
    this.plain = join(this.home, 'pristine.db');
    this.gzip = join(this.home, 'backups', 'bench_sqlite_20261101_020000.db.gz');
    if (!existsSync(this.gzip)) {
      execFileSync('bash', ['-c', 'gzip -6 -c "$1" > "$2.part"', 'gzip', this.plain, this.gzip]);
      renameSync(`${this.gzip}.part`, this.gzip);
    }
  }

  hasOwnBackup(): boolean {
    return readdirSync(join(this.home, 'backups')).some((name) => name.endsWith('.db.zst'));
  }

  /** The newest backup that `tenant-dr backup` took here. */
  ownBackup(): string {
    const names = readdirSync(join(this.home, 'backups')).filter((name) => name.endsWith('.db.zst'));
    const newest = names.sort().at(-1);
    if (newest === undefined) throw new Error('no backup of our own yet');
    return join(this.home, 'backups', newest);
  }

  /** A live database as it was on the first day. */
  fresh(): void {
    for (const ending of ['', '-wal', '-shm']) rmSync(this.live + ending, { force: true });
    copyFileSync(this.plain, this.live);
  }

  /** Damages tenants in the live database; it is closed and checkpointed afterwards. */
  damage(slugs: string[], gone = false): void {
    execFileSync(process.execPath, [
      join(here, 'damage.mjs'),
      this.live,
      ...(gone ? ['--gone'] : []),
      ...slugs.map(idOf),
    ]);
  }

  /** Forgets what earlier runs decompressed. */
  emptyCache(): void {
    rmSync(join(this.home, 'state', 'staging'), { recursive: true, force: true });
  }

  /** The built program. */
  ours(words: string[], options: { cold?: boolean; exits?: number[] } = {}): Promise<Run> {
    const command = [...this.program, ...words, '--json'];
    const coldFolders = options.cold ? [this.home] : [];
    return this.told(
      measure(command, { cwd: this.home, coldFolders, watchLoop: true, exits: options.exits }),
      words,
    );
  }

  restore(slugs: string[], from: string, cold: boolean): Promise<Run> {
    const phrase = slugs.length === 1 ? (slugs[0] as string) : `${slugs.length} tenants in live`;
    return this.ours(['restore', ...slugs, '--from', from, '--confirm', phrase], { cold });
  }

  /** A baseline program of this folder. */
  baseline(name: string, words: string[], cold: boolean): Promise<Run> {
    const file = join(here, 'baseline', name);
    const command = name.endsWith('.sh') ? ['bash', file] : [process.execPath, file];
    return this.told(
      measure([...command, ...words], { cwd: this.home, coldFolders: cold ? [this.home] : [] }),
      [name],
    );
  }

  shell(line: string, cold: boolean): Promise<Run> {
    return this.told(
      measure(['bash', '-c', line], { cwd: this.home, coldFolders: cold ? [this.home] : [] }),
      [line],
    );
  }

  /** Says on stderr what was measured, as it is: a long run should not be silent. */
  private async told(measured: Promise<Run>, words: string[]): Promise<Run> {
    const run = await measured;
    const what = words.join(' ').slice(0, 70);
    console.error(`  ${run.seconds.toFixed(2).padStart(7)} s  gap ${run.gap?.toFixed(0) ?? '-'} ms  ${what}`);
    return run;
  }
}

/** The generator names tenants by their ids. */
export function idOf(slug: string): string {
  return slug.replace('tenant-', '');
}
