// Decompression alone: every byte of a .sql.gz, 1 MiB chunks, thrown away. Usage: inflate.mjs dump.sql.gz
import { createReadStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

const chunk = 1024 * 1024;
const started = performance.now();
let bytes = 0;
const nowhere = new Writable({
  highWaterMark: 4 * chunk,
  write(part, _, done) {
    bytes += part.length;
    done();
  },
});
const options = { chunkSize: chunk, highWaterMark: 4 * chunk };
await pipeline(createReadStream(process.argv[2], { highWaterMark: chunk }), createGunzip(options), nowhere);
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, bytes }));
