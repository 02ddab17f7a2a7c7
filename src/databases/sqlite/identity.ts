import { hostname } from 'node:os';
import { basename, extname } from 'node:path';
import type { DatabaseIdentity } from '../../engine/port.ts';

/** Who a SQLite database is: its path on this host. Opens nothing. */
export function sqliteIdentity(path: string): DatabaseIdentity {
  return {
    kind: 'sqlite',
    name: basename(path, extname(path)),
    location: path,
    host: hostname(),
    systemId: null,
  };
}
