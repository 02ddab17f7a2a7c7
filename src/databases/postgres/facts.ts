import type { DatabaseIdentity, OpenOptions } from '../../engine/port.ts';

/** What a session knows besides its connection, found out when it was opened. */
export interface SessionFacts {
  identity: DatabaseIdentity;
  timeline: string | null;
  /** The role may set session_replication_role. */
  replica: boolean;
  options: OpenOptions;
}
