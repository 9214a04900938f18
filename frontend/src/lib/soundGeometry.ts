import type { DicomElement, DicomJson } from '../api/types';

const PIXEL_SPACING = '00280030';
const ORIENTATION = '00200037';
const POSITION = '00200032';

/**
 * The metadata without geometry that can't be drawn: real objects carry a pixel spacing of 0, or an orientation
 * of zeros, and the picture would be nowhere. Without the attribute the pixels are square and lie flat.
 */
export function withSoundGeometry(metadata: DicomJson): DicomJson {
  const isUnsound = (tag: string, isSound: (values: number[]) => boolean): boolean =>
    metadata[tag] !== undefined && !isSound(numbers(metadata[tag]));
  const unsound = new Set<string>();
  if (isUnsound(PIXEL_SPACING, isSpacing)) unsound.add(PIXEL_SPACING);
  if (isUnsound(ORIENTATION, isOrientation)) unsound.add(ORIENTATION);
  if (isUnsound(POSITION, (values) => values.length === 3 && values.every(Number.isFinite))) unsound.add(POSITION);
  if (unsound.size === 0) return metadata;
  return Object.fromEntries(Object.entries(metadata).filter(([tag]) => !unsound.has(tag)));
}

function numbers(element: DicomElement): number[] {
  return (element.Value ?? []).map(Number);
}

function isSpacing(values: number[]): boolean {
  return values.length === 2 && values.every((value) => Number.isFinite(value) && value > 0);
}

/** Two unit vectors at a right angle, PS3.3 C.7.6.2.1.1. */
function isOrientation(values: number[]): boolean {
  if (values.length !== 6 || !values.every(Number.isFinite)) return false;
  const [row, column] = [values.slice(0, 3), values.slice(3)];
  const isUnit = [row, column].every((vector) => Math.abs(Math.hypot(...vector) - 1) < 0.01);
  const cosine = row.reduce((sum, value, index) => sum + value * (column[index] ?? 0), 0);
  return isUnit && Math.abs(cosine) < 0.01;
}
