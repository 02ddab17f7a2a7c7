import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectTo } from '../../postgres/connection.ts';
import type { Throwaway } from '../../postgres/throwaway.ts';
import { startThrowaway } from '../../postgres/throwaway.ts';
import { measure, type Run } from '../measure.ts';
import { generate } from './generate.ts';

const here = dirname(fileURLToPath(import.meta.url));
const program = [process.execPath, resolve(here, '../../../dist/main.js')];

/** Where the benchmark runs: a throwaway server with the database, dumps of it, and a folder to work in. */
export class Place {
  readonly plain: string;
  readonly custom: string;
  private readonly home: string;
  private readonly dumps: string;
  private readonly server: Throwaway;

  private constructor(folder: string, server: Throwaway) {
    this.home = join(folder, 'home');
    this.dumps = join(folder, 'dumps');
    this.plain = join(this.dumps, 'a.sql.gz');
    this.custom = join(this.dumps, 'a.dump');
    this.server = server;
  }

  /** Starts the server; makes database and dumps the first time. `shrink` divides every tenant's rows. */
  static async open(folder: string, shrink: number): Promise<Place> {
    const settings = { shared_buffers: '512MB', max_wal_size: '4GB' };
    // The server's account has to pass.
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const server = await startThrowaway(join(folder, 'cluster'), { settings });
    const place = new Place(folder, server);
    mkdirSync(place.home, { recursive: true });
    mkdirSync(place.dumps, { recursive: true });
    if (!existsSync(place.plain)) {
      await generate(server, 'bench', shrink);
      execFileSync('bash', ['-c', 'pg_dump -Fc -f "$1" "$2"', 'dump', place.custom, place.url]);
      execFileSync('bash', ['-c', 'pg_dump "$2" | gzip > "$1"', 'dump', place.plain, place.url]);
    }
    const config = { database: place.url, backups: place.dumps, state: join(place.home, 'state') };
    const ownership = { tables: { plans: 'shared' } };
    writeFileSync(join(place.home, 'tenant-dr.config.yaml'), JSON.stringify({ ...config, ownership }));
    return place;
  }

  get url(): string {
    return this.server.url('bench');
  }

  /** Light damage: about 1 % of the messages changed, 2 % of the leads deleted. */
  async damage(tenants: number[]): Promise<void> {
    const list = tenants.join(', ');
    await this.ask(`UPDATE channel_messages SET body = 'x' WHERE tenant_id IN (${list}) AND id % 100 = 0`);
    await this.ask(`DELETE FROM leads WHERE tenant_id IN (${list}) AND id % 50 = 0`);
    await this.ask('CHECKPOINT');
  }

  async walBytes(work: () => Promise<Run>): Promise<{ run: Run; bytes: number }> {
    const before = await this.ask('SELECT pg_current_wal_lsn() AS v');
    const run = await work();
    return {
      run,
      bytes: Number(await this.ask(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '${before}') AS v`)),
    };
  }

  private async ask(text: string): Promise<string> {
    const client = await connectTo(this.url);
    const { rows } = await client.query(text);
    await client.end();
    return String(rows[0]?.v ?? '');
  }

  /** The built program in a process of its own; the dumps are forgotten by the page cache first. */
  restore(tenants: number[], from: string): Promise<Run> {
    const slugs = tenants.map((tenant) => `tenant-${tenant}`);
    const phrase = slugs.length === 1 ? (slugs[0] as string) : `${slugs.length} tenants in bench`;
    const words = ['restore', ...slugs, '--from', from, '--confirm', phrase, '--as', 'bench', '--json'];
    return this.told([...program, ...words], words);
  }

  /** A baseline program of this folder, as cold. */
  baseline(name: string, words: string[]): Promise<Run> {
    const file = join(here, 'baseline', name);
    return this.told([...(name.endsWith('.sh') ? ['bash'] : [process.execPath]), file, ...words], [name]);
  }

  byScratch(tenant: number, dump: string): Promise<Run> {
    const server = this.server.url('postgres').replace(/\/postgres$/, '');
    return this.baseline('scratch.sh', [this.url, server, dump, String(tenant)]);
  }

  private async told(command: string[], words: string[]): Promise<Run> {
    const run = await measure(command, { cwd: this.home, coldFolders: [this.dumps] });
    console.error(`  ${run.seconds.toFixed(2).padStart(7)} s  ${words.join(' ').slice(0, 70)}`);
    return run;
  }

  bytesOf(file: string): number {
    return statSync(file).size;
  }

  close(): Promise<void> {
    return this.server.stop();
  }
}
