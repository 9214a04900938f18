/** Slice indices from `start` outwards, the nearer first, and the later one first at equal distance. */
export function outwardsFrom(start: number, count: number): number[] {
  const order = [start];
  for (let distance = 1; order.length < count; distance++) {
    if (start + distance < count) order.push(start + distance);
    if (start - distance >= 0) order.push(start - distance);
  }
  return order;
}

/** The slice a case opens with. */
export function firstSlice(count: number): number {
  return Math.floor((count - 1) / 2);
}

/** Indices as runs `[from, to]` in order, none touching the next: which slices are there. */
export type Runs = readonly (readonly [number, number])[];

export function isIn(runs: Runs, index: number): boolean {
  return runs.some(([from, to]) => from <= index && index <= to);
}

export function sizeOf(runs: Runs): number {
  return runs.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

/** The runs with this index too. Takes time by the number of runs, and not of indices. */
export function withIndex(runs: Runs, index: number): Runs {
  const before = runs.filter(([, to]) => to < index - 1);
  const after = runs.filter(([from]) => from > index + 1);
  const touching = runs.slice(before.length, runs.length - after.length);
  const [from, to] = [touching[0]?.[0] ?? index, touching.at(-1)?.[1] ?? index];
  return [...before, [Math.min(from, index), Math.max(to, index)], ...after];
}

export function withoutIndex(runs: Runs, index: number): Runs {
  return runs.flatMap(([from, to]): Runs => {
    if (index < from || index > to) return [[from, to]];
    return ([[from, index - 1], [index + 1, to]] as const).filter(([first, last]) => first <= last);
  });
}
