import { serveJob } from '../databases/job-child.ts';
import { inBatches } from '../engine/batches.ts';
import { hashFile, sealFile } from './hash.ts';
import { peek } from './peek.ts';
import type { ReaderRequest } from './reader-jobs.ts';
import { stage } from './stage.ts';

/** The child process that opens backup files: see reader-jobs.ts for why. */
serveJob<ReaderRequest>(async (request, context) => {
  if (request.do === 'stage') return stage(request, context);
  if (request.do === 'hash') return hashFile(request.path, context);
  if (request.do === 'seal') return sealFile(request.path, request.key, context);
  if (request.do === 'check' || request.do === 'merge') {
    const { checkCopy, mergeCopy } = await import('../databases/sqlite/copy.ts');
    return request.do === 'check' ? checkCopy(request.path) : mergeCopy(request.path);
  }
  return inBatches(request.paths, peek);
});
