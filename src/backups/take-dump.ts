import { readTarget } from '../databases/postgres/connect.ts';
import { takeDump } from '../databases/postgres/dump/take.ts';
import type { Session } from '../engine/port.ts';
import type { SliceShape } from '../engine/slice.ts';
import { TenantDrError } from '../errors.ts';
import { type Contents, contentsIn, noContents } from './contents.ts';
import { sha256Of } from './hash.ts';
import type { Taken, TakeOptions, Taker } from './take.ts';

/** Backups of PostgreSQL databases: what pg_dump writes, described in the very snapshot it read. */
export function dumpTaker(url: string, options: TakeOptions): Taker {
  const format = options.plain ? 'plain' : 'custom';
  const plainEnding = options.compression === 'gzip' ? 'sql.gz' : 'sql.zst';
  return {
    kind: 'postgres',
    ending: format === 'plain' ? plainEnding : 'dump',
    content: format === 'plain' ? 'dump-plain' : 'dump-custom',
    name: readTarget(url).database,
    async take(target): Promise<Taken> {
      const { compression, signal, onProgress } = options;
      const request = { url, path: target, format, compression, signal, onProgress } as const;
      const dump = await takeDump(request, async (session) => ({
        contents: await readContents(session, options),
        identity: session.identity,
      }));
      const completeAt = performance.now();
      return {
        ...dump.contents,
        compression: format === 'plain' ? compression : 'none',
        sha256: await sha256Of(target, signal),
        bytes: dump.bytes,
        databaseBytes: dump.databaseBytes,
        takenAt: new Date(dump.takenAt),
        blockedSeconds: 0,
        completeAt,
      };
    },
  };
}

/** As with files: what the config does not fit is saved all the same, and described less. */
async function readContents(session: Session, options: TakeOptions): Promise<Contents> {
  const { config, digests, onProgress, onWarning } = options;
  try {
    const digestAll = async (shape: SliceShape) => ({
      digests: await session.digestAll(shape, onProgress),
      rows: {},
    });
    return await contentsIn(session, config, digests ? digestAll : null);
  } catch (error) {
    if (!(error instanceof TenantDrError) || !describing.includes(error.code)) throw error;
    onWarning?.(`The manifest has no rows and digests: ${error.message}`);
    return noContents;
  }
}

/** What speaks against the description alone; a server that is gone, or hides rows, has ended the dump too. */
const describing = ['config-invalid', 'table-unknown', 'table-unclassified', 'tenants-table-missing'];
