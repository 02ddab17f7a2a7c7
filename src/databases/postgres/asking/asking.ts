import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { openStream } from '../../../backups/open-stream.ts';
import type { OnProgress, StagedSource } from '../../../engine/port.ts';
import type { TenantId } from '../../../engine/tenant.ts';
import { TenantDrError } from '../../../errors.ts';
import { connect, readTarget } from '../connect.ts';
import { dropDatabaseCopy, emptyDatabase } from '../copy.ts';
import { throughPgRestore } from '../dump/pg-restore.ts';
import { BringBack } from './bring-back.ts';
import { Question } from './question.ts';

export interface AskRequest {
  dump: Extract<StagedSource, { form: 'dump' }>;
  condition: string;
  tenant: TenantId | null;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** A private database in which dumps are asked, one after the other; made for the first one. What stands in `folder` drops it. */
export class Asking {
  private readonly live: string;
  private readonly folder: string;
  private made: Promise<string> | null = null;

  constructor(live: string, folder: string) {
    this.live = live;
    this.folder = folder;
  }

  /**
   * Does an operator's SQL condition hold in a dump? It is brought back in one transaction that is rolled back
   * afterwards, as far as the condition depends on it. Rejects with usage when it is not one expression, with
   * table-unknown when it names what the dump does not have, with backup-… when the dump cannot tell.
   */
  async holds({ dump, condition, tenant, signal, onProgress }: AskRequest): Promise<boolean> {
    this.made ??= emptyDatabase(this.live, this.folder, `tdr_asked_${randomBytes(6).toString('hex')}`);
    const sql = await connect({ ...readTarget(await this.made), schema: 'public' });
    const stop = (): void => void sql.end();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const question = new Question(condition, tenant);
      await sql.run('BEGIN');
      const chunks =
        dump.format === 'plain'
          ? openStream(dump.path, dump.compression, onProgress)
          : throughPgRestore(dump.path, dump.format, dump.compression);
      await new BringBack(sql, question, readTarget(this.live)).read(chunks, dump.path, signal);
      return await question.ask(sql);
    } catch (error) {
      if (signal?.aborted)
        throw new TenantDrError('interrupted', 'Stopped; nothing was changed.', { cause: error });
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      await sql.end();
    }
  }

  /** Drops the database. Harmless when there is none. */
  async close(): Promise<void> {
    await this.made?.catch((error: unknown) => void error);
    await dropDatabaseCopy(this.live, this.folder);
    await rm(this.folder, { recursive: true, force: true });
  }
}
