import { readFileSync } from 'node:fs';
import { shipped } from '../places.ts';

const manifest = shipped('package.json');

/** The version of tenant-dr, from package.json: beside `src` and `dist` alike. */
export const version = (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
