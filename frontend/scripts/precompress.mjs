/** Writes NAME.gz beside each large text or wasm file of the bundle, so that no server compresses it per request. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const bundle = fileURLToPath(new URL('../../mediqa_platform/static/bundle', import.meta.url));
const kinds = new Set(['.js', '.css', '.wasm', '.json', '.svg']);
const smallest = 2048;
const compress = promisify(gzip);

const names = await readdir(bundle, { recursive: true });
await Promise.all(
  names
    .filter((name) => kinds.has(extname(name)))
    .map(async (name) => {
      const file = join(bundle, name);
      if ((await stat(file)).size < smallest) return;
      await writeFile(`${file}.gz`, await compress(await readFile(file), { level: 9 }));
    }),
);
