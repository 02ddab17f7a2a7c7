import { TenantDrError } from '../../../errors.ts';
import { unquote } from './ddl.ts';

/** Which part of a plain dump is being read: one of a whole cluster goes from database to database, and one counts. */
export class ClusterPart {
  /** What is read now counts. */
  here = true;
  private readonly wanted: string | null;
  private readonly seen = new Set<string>();

  /** `wanted`: the database whose part counts; null: all of it does. */
  constructor(wanted: string | null) {
    this.wanted = wanted;
  }

  /** Takes in a line for psql, such as the one that goes to another database. */
  follow(line: string): void {
    if (this.wanted === null) return;
    const connect = /^\\connect\s+(?:-reuse-previous=\w+\s+)?("?)(.+?)\1\s*$/.exec(line);
    if (!connect) return;
    const database = unquote((connect[2] as string).replace(/^dbname='(.*)'$/, '$1'));
    this.here = database === this.wanted;
    this.seen.add(database);
  }

  /** Throws backup-without-tenant when the part that counts never came. */
  finish(path: string): void {
    if (this.wanted === null || this.seen.has(this.wanted)) return;
    const others = [...this.seen].filter((name) => name !== 'template1' && name !== 'postgres');
    throw new TenantDrError(
      'backup-without-tenant',
      `${path} is a dump of a whole cluster without a database called "${this.wanted}" (in it: ${others.join(', ') || 'none'}). Nothing was changed.`,
      {
        hint: 'Where its name was another one then, restore that one into a scratch database and name it with --from postgres://….',
      },
    );
  }
}
