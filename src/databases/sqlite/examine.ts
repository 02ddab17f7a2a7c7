import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import type { Finding } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { connect } from './connect.ts';

/** What doctor asks of a SQLite database: that it opens, its journal mode, rights on file and folder. */
export async function examine(path: string): Promise<Finding[]> {
  try {
    const connection = connect(path, 'read');
    const mode = String(connection.pragma('main.journal_mode', { simple: true }));
    const version = String(connection.prepare('SELECT sqlite_version()').pluck().get());
    connection.close();
    return [
      {
        name: 'database',
        ok: true,
        level: 'ok',
        detail: `${path} opens (SQLite ${version}, journal mode ${mode})`,
      },
      right('database file', path, constants.R_OK | constants.W_OK, 'readable and writable'),
      right('database folder', dirname(path), constants.W_OK, 'writable'),
    ];
  } catch (error) {
    if (!(error instanceof TenantDrError)) throw error;
    return [
      {
        name: 'database',
        ok: false,
        level: 'error',
        detail: error.message,
        ...(error.hint ? { hint: error.hint } : {}),
      },
    ];
  }
}

function right(name: string, path: string, mode: number, wanted: string): Finding {
  try {
    accessSync(path, mode);
    return { name, ok: true, level: 'ok', detail: `${path} is ${wanted}` };
  } catch {
    return {
      name,
      ok: false,
      level: 'warning',
      detail: `${path} is not ${wanted} for this user`,
      hint: 'Run as the user that owns the database.',
    };
  }
}
