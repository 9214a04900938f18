/** Slice indices from `start` outwards, the nearer first, and the later one first at equal distance. */
export function outwardsFrom(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => index).sort(
    (a, b) => Math.abs(a - start) - Math.abs(b - start) || b - a,
  );
}

/** The slice a case opens with. */
export function firstSlice(count: number): number {
  return Math.floor((count - 1) / 2);
}

/** Runs of consecutive indices `[from, to]`, for drawing which slices are there. */
export function runs(indices: Iterable<number>): [number, number][] {
  const found: [number, number][] = [];
  for (const index of [...indices].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && index <= last[1] + 1) last[1] = index;
    else found.push([index, index]);
  }
  return found;
}
