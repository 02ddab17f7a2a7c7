import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Asking } from '../databases/postgres/asking/asking.ts';
import { makeFolder } from '../engine/durable.ts';
import type { OnProgress, StagedSource } from '../engine/port.ts';
import type { TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import { removeCopyIn } from './private-copy.ts';
import { isAlive } from './processes.ts';

export interface ConditionOptions {
  condition: string;
  /** Stands for `:tenant` where the condition names it. */
  tenant: TenantId | null;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** What a condition can be asked of. */
export type Askable = Extract<StagedSource, { path: string }>;

/** An operator's SQL condition, asked of one backup after the other: files as they are, dumps brought back for it. */
export class Conditions {
  private readonly config: Config;
  private readonly options: ConditionOptions;
  private asking: Asking | null = null;

  constructor(config: Config, options: ConditionOptions) {
    this.config = config;
    this.options = options;
  }

  /** Rejects with usage when it is not one expression, with table-unknown when it names what the backup does not have. */
  async holds(source: Askable): Promise<boolean> {
    if (source.form === 'database-file') {
      const { conditionHolds } = await import('../databases/sqlite/condition.ts');
      const { condition, tenant, signal } = this.options;
      return conditionHolds({ path: source.path, condition, tenant }, signal);
    }
    this.asking ??= await this.open();
    return this.asking.holds({ dump: source, ...this.options });
  }

  /** Whatever was made for asking is dropped: it holds everybody's data. */
  async close(): Promise<void> {
    await this.asking?.close();
  }

  private async open(): Promise<Asking> {
    const live = this.config.database ?? '';
    if (live === '' || live.startsWith('sqlite:'))
      throw new TenantDrError(
        'backup-not-a-database',
        'a dump can be asked only where the database is PostgreSQL',
      );
    const rooms = path.join(this.config.state, 'asked');
    await makeFolder(rooms);
    for (const name of await readdir(rooms))
      if (!isAlive(Number(name.split('-')[0]))) await removeCopyIn(live, path.join(rooms, name));
    const room = path.join(rooms, `${process.pid}-${randomBytes(4).toString('hex')}`);
    await makeFolder(room);
    const { Asking } = await import('../databases/postgres/asking/asking.ts');
    return new Asking(live, room);
  }
}
