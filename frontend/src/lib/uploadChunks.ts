/** One request: a few files, and not too many bytes unless a single file is that large. */
export const MOST_FILES = 20;
export const MOST_BYTES = 16 * 1024 * 1024;

export interface Sized {
  size: number;
}

/** Splits files into requests, in their order. */
export function chunksOf<Entry extends Sized>(entries: readonly Entry[]): Entry[][] {
  const chunks: Entry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const open = chunks.at(-1);
    if (open && open.length < MOST_FILES && bytes + entry.size <= MOST_BYTES) {
      open.push(entry);
      bytes += entry.size;
    } else {
      chunks.push([entry]);
      bytes = entry.size;
    }
  }
  return chunks;
}
