import { fileURLToPath } from 'node:url';

/** The program as it is shipped; `npm test` builds it before any test runs. */
export const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
