import module from 'node:module';
import { dirname } from 'node:path';

/**
 * Where the program's own files lie. From source every module lies where it is written, below `src`; the build puts
 * all of them directly into `dist`, the ones that run as a process or thread of their own under their bare names.
 */
const built = !import.meta.url.endsWith('.ts');

/** URL of a module that runs as a process or thread of its own, by its path below `src` without ending. */
export function moduleAt(path: string): URL {
  const file = built ? `${path.slice(path.lastIndexOf('/') + 1)}.js` : `${path}.ts`;
  return new URL(file, import.meta.url);
}

/**
 * glibc's own settings (mallopt(3)), which others do not know: pieces of a megabyte, made and given back a thousand
 * times, stay with the process in between. Left to itself it hands them back to the system now and then, depending on
 * what lies beside them, and filling new ones again took a quarter of a decompression's time.
 */
const memory = { MALLOC_MMAP_THRESHOLD_: `${32 << 20}`, MALLOC_TRIM_THRESHOLD_: `${128 << 20}` };

/** Environment of a process or thread of our own: it finds its modules compiled, as this one did. */
export function environmentOfOwn(): NodeJS.ProcessEnv {
  const compiled = module.getCompileCacheDir?.();
  // Node names the folder it made for its own version inside the one it was given.
  const modules = compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) };
  return { ...memory, ...process.env, ...modules };
}

/** URL of a file that is shipped beside `src` or `dist`. */
export function shipped(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}
