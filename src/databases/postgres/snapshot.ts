import type { Sql } from './sql.ts';

/** What another connection needs to read what this transaction reads. */
export interface Snapshot {
  id: string;
  /** The moment it shows, by the server's clock. */
  takenAt: string;
  /** What the database takes on the server's disk. */
  databaseBytes: number;
  /** Name of the database's encoding. */
  encoding: string;
}

/** Inside a reading: lets another connection read the same snapshot until the reading ends. */
export async function exportSnapshot(sql: Sql): Promise<Snapshot> {
  const [row] = await sql.rows(
    'SELECT pg_export_snapshot() AS id, now() AS at, pg_database_size(current_database()) AS bytes, getdatabaseencoding() AS encoding',
  );
  const takenAt = new Date(row?.at ?? '').toISOString();
  return { id: row?.id ?? '', takenAt, databaseBytes: Number(row?.bytes), encoding: row?.encoding ?? 'UTF8' };
}
