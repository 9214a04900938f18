const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/** How long to wait before the next attempt, after so many failed ones (from 1). */
export function backoffMilliseconds(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
}
