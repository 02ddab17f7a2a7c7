import { serveJob } from '../job-child.ts';
import type { ShareRequest } from './digest-copy.ts';
import { digestShare } from './digest-share.ts';
import { fromSqlite } from './errors.ts';

serveJob<ShareRequest>(async (request, { progress, signal }) => {
  try {
    return await digestShare(request, progress, signal);
  } catch (error) {
    throw fromSqlite(error, request.path);
  }
});
