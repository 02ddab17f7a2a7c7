import { realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, extname } from 'node:path';
import type { DatabaseIdentity } from '../../engine/port.ts';

/** Who a SQLite database is: its path on this host, the same one by whatever link it is named. Opens nothing. */
export function sqliteIdentity(path: string): DatabaseIdentity {
  return {
    kind: 'sqlite',
    name: basename(path, extname(path)),
    location: realPath(path),
    host: hostname(),
    systemId: null,
  };
}

/** A path that leads nowhere stays as it is: whoever opens it says what is wrong. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
