import type { DicomJson } from '../api/types';

/** Column and row in image pixels. */
export type Place = readonly [number, number];

export interface RegionFigures {
  mean: number;
  /** Sample standard deviation; 0 for a single pixel. */
  deviation: number;
  pixelCount: number;
}

/** Millimetres from one place to the other, or null where the pixels have no known size. */
export function lengthMm(from: Place, to: Place, spacing: readonly number[] | null): number | null {
  const [, row, column] = spacing ?? [];
  if (!row || !column) return null;
  return Math.hypot((to[0] - from[0]) * column, (to[1] - from[1]) * row);
}

export function lengthPixels(from: Place, to: Place): number {
  return Math.hypot(to[0] - from[0], to[1] - from[1]);
}

/**
 * Mean and standard deviation of the pixels whose middles lie in the ellipse between two corners.
 * `valueAt` gives a pixel's value in modality units. Null where no pixel lies in it.
 */
export function regionFigures(
  from: Place,
  to: Place,
  columns: number,
  rows: number,
  valueAt: (column: number, row: number) => number,
): RegionFigures | null {
  const values: number[] = [];
  for (const [column, row] of placesIn(from, to, columns, rows)) values.push(valueAt(column, row));
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
  return { mean, deviation, pixelCount: values.length };
}

function* placesIn(from: Place, to: Place, columns: number, rows: number): Generator<Place> {
  const [x, y] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const [a, b] = [Math.abs(to[0] - from[0]) / 2, Math.abs(to[1] - from[1]) / 2];
  for (let row = Math.max(0, Math.ceil(y - b)); row <= Math.min(rows - 1, y + b); row++) {
    for (let column = Math.max(0, Math.ceil(x - a)); column <= Math.min(columns - 1, x + a); column++) {
      if (((column - x) / (a || 1)) ** 2 + ((row - y) / (b || 1)) ** 2 <= 1) yield [column, row];
    }
  }
}

/** The box between two places, or null where they are so near that a click was meant. */
export function boxBetween(from: Place, to: Place): { x: number; y: number; width: number; height: number } | null {
  const [width, height] = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
  if (width < 1 || height < 1) return null;
  return { x: Math.min(from[0], to[0]), y: Math.min(from[1], to[1]), width, height };
}

const [PIXEL_SPACING, IMAGER_PIXEL_SPACING] = ['00280030', '00181164'];

/**
 * Whether millimetres are those of the detector, on which the body is magnified: the file says its pixels' size there,
 * and no other in the patient (PS3.3 10.7.1.3).
 */
export function isAtDetector(instance: DicomJson | undefined): boolean {
  const [there, inPatient] = [IMAGER_PIXEL_SPACING, PIXEL_SPACING].map((tag) => instance?.[tag]?.Value);
  return there !== undefined && (inPatient === undefined || inPatient.every((value, index) => value === there[index]));
}
