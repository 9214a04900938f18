import type { DicomElement, DicomJson } from '../api/types';

const PIXEL_SPACING = '00280030';
const IMAGER_SPACING = '00181164';
const ASPECT_RATIO = '00280034';
const MODALITY = '00080060';
const OTHER: DicomElement = { vr: 'CS', Value: ['OT'] };
const VOI_LUT_FUNCTION = '00281056';
const ORIENTATION = '00200037';
const POSITION = '00200032';

/**
 * The metadata without what the library can't draw by. Real objects carry a pixel spacing of 0, or an orientation of
 * zeros, and the picture would be nowhere: without the attribute the pixels are square and lie flat. Of the VOI LUT
 * function it takes the first letter for the whole and fails (each window carries its own here); without a modality
 * it fails as well.
 */
export function withSoundMetadata(metadata: DicomJson): DicomJson {
  const isUnsound = (tag: string, isSound: (values: number[]) => boolean): boolean =>
    metadata[tag] !== undefined && !isSound(numbers(metadata[tag]));
  const unsound = new Set<string>([VOI_LUT_FUNCTION]);
  if (metadata[MODALITY]?.Value?.[0] === undefined) unsound.add(MODALITY);
  if (isUnsound(PIXEL_SPACING, isSpacing)) unsound.add(PIXEL_SPACING);
  if (isUnsound(ORIENTATION, isOrientation)) unsound.add(ORIENTATION);
  if (isUnsound(POSITION, (values) => values.length === 3 && values.every(Number.isFinite))) unsound.add(POSITION);
  const sound = Object.fromEntries(Object.entries(metadata).filter(([tag]) => !unsound.has(tag)));
  return { [MODALITY]: OTHER, ...withAspectRatio(sound) };
}

/** Pixels of no known size, but of a known shape (PS3.3 C.7.6.3.1.7: vertical, horizontal), get one to be drawn with. */
function withAspectRatio(metadata: DicomJson): DicomJson {
  const ratio = metadata[ASPECT_RATIO];
  const isSized = metadata[PIXEL_SPACING] !== undefined || metadata[IMAGER_SPACING] !== undefined;
  if (isSized || !ratio || !isSpacing(numbers(ratio))) return metadata;
  const [vertical = 1, horizontal = 1] = numbers(ratio);
  return { ...metadata, [PIXEL_SPACING]: { vr: 'DS', Value: [vertical / horizontal, 1] } };
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
