import type { DicomElement } from '../api/types';

/** How stored values became those in memory. */
export interface Scaling {
  slope: number;
  intercept: number;
  /** Kept in an array of whole numbers, which cuts fractions off. */
  isWhole: boolean;
}

/**
 * The lowest and the highest value in memory that stand for no image, inclusive (PS3.3 C.7.5.1.1.2); null where the
 * header names none. `isUnsigned`: of the stored values; a negative padding was then written as signed.
 */
export function paddingRange(
  value: DicomElement | undefined,
  limit: DicomElement | undefined,
  isUnsigned: boolean,
  { slope, intercept, isWhole }: Scaling,
): [number, number] | null {
  const first = Number(value?.Value?.[0] ?? NaN);
  const last = Number(limit?.Value?.[0] ?? first);
  if (!Number.isFinite(first) || !Number.isFinite(last)) return null;
  let [low, high] = [Math.min(first, last), Math.max(first, last)];
  if (isUnsigned && low < 0) [low, high] = [low + 65536, high < 0 ? high + 65536 : high];
  const ends = [low, high].map((end) => end * slope + intercept).map((end) => (isWhole ? Math.trunc(end) : end));
  // Values with fractions are kept in 32 bits.
  const slack = isWhole ? 0 : 1e-6 * Math.max(...ends.map(Math.abs));
  return [Math.min(...ends) - slack, Math.max(...ends) + slack];
}
