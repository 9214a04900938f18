import type { CaseFrame, DicomElement, DicomJson } from '../api/types';

export type Vector = readonly [number, number, number];

/** How an image lies in the patient: DICOM's axes, x to the left, y to the back, z to the head (PS3.3 C.7.6.2.1.1). */
export interface Orientation {
  /** Unit vectors of growing column and of growing row. */
  right: Vector;
  down: Vector;
}

/** A stack of parallel slices in the patient, in mm. */
export interface StackSpace extends Orientation {
  /** Unit vector from the first slice to the last. */
  through: Vector;
  /** From one column to the next, and from one row to the next. */
  columnMm: number;
  rowMm: number;
  /** Where each slice lies along `through`; rising from 0. */
  depthsMm: readonly number[];
}

/** Why a stack is no block that planes can be cut from. */
export type Disorder = 'unplaced' | 'tilted' | 'unordered';

const POSITION = ['00209113', '00200032'] as const;
const ORIENTATION = ['00209116', '00200037'] as const;
const SPACING = ['00289110', '00280030'] as const;
const SHARED = '52009229';
const PER_FRAME = '52009230';
const PATIENT_ORIENTATION = '00200020';
/** Two directions are one where the cosine between them is no less. */
const SAME_DIRECTION = 0.9999;
/** Slices nearer to each other than this (mm) are taken for two pictures of one place. */
const SAME_PLACE_MM = 1e-3;

export function spaceOf(frames: readonly CaseFrame[], instances: Readonly<Record<string, DicomJson>>): StackSpace | Disorder {
  const placed = frames.map((frame) => placeOf(frame, instances[frame.sop_instance_uid] ?? {}));
  const [first] = placed;
  if (!first || placed.some((place) => place === null || !isParallel(place, first))) return 'unplaced';
  const offsets = placed.map((place) => minus(place?.position ?? first.position, first.position));
  const normal = cross(first.right, first.down);
  const isForward = dot(offsets.at(-1) ?? normal, normal) > 0;
  const through = isForward ? normal : scaled(normal, -1);
  const depthsMm = offsets.map((offset) => dot(offset, through));
  if (depthsMm.some((depth, index) => index > 0 && depth - (depthsMm[index - 1] ?? 0) < SAME_PLACE_MM)) return 'unordered';
  const aside = offsets.map((offset, index) => minus(offset, scaled(through, depthsMm[index] ?? 0)));
  const { right, down, columnMm, rowMm } = first;
  if (aside.some((offset) => Math.hypot(...offset) > Math.min(columnMm, rowMm))) return 'tilted';
  return { right, down, through, columnMm, rowMm, depthsMm };
}

/** Of one frame alone, or null where its header does not say. */
export function orientationOf(frame: CaseFrame, metadata: DicomJson): Orientation | null {
  const values = numbersOf(frame, metadata, ORIENTATION);
  if (values.length !== 6) return null;
  const [right, down] = [values.slice(0, 3), values.slice(3)] as unknown as [Vector, Vector];
  const isSound = [right, down].every((vector) => Math.abs(Math.hypot(...vector) - 1) < 0.01) && Math.abs(dot(right, down)) < 0.01;
  return isSound ? { right, down } : null;
}

/** The letters that a radiograph's header gives: towards where its rows and its columns go (PS3.3 C.7.6.1.1.1). */
export function patientOrientation(metadata: DicomJson): [string, string] | null {
  const [row, column] = (metadata[PATIENT_ORIENTATION]?.Value ?? []).map(String);
  return row && column && /^[APRLHF]+$/.test(row + column) ? [row, column] : null;
}

/** The sides that a direction goes to, the foremost first: `L`, or `LP` where it is between two. */
export function lettersOf(direction: Vector): string {
  return direction
    .map((share, axis) => ({ share: Math.abs(share), letter: (share < 0 ? 'RAF' : 'LPH')[axis] ?? '' }))
    .filter(({ share }) => share > BETWEEN)
    .sort((a, b) => b.share - a.share)
    .map(({ letter }) => letter)
    .join('');
}

/** Sine of 15°: what is turned less than that is told by one letter. */
const BETWEEN = 0.26;
const OPPOSITE: Readonly<Record<string, string>> = { L: 'R', R: 'L', P: 'A', A: 'P', H: 'F', F: 'H' };

export function oppositeOf(letters: string): string {
  return letters.replace(/./g, (letter) => OPPOSITE[letter] ?? '');
}

export function scaled([x, y, z]: Vector, factor: number): Vector {
  return [x * factor, y * factor, z * factor];
}

interface Place extends Orientation {
  position: Vector;
  columnMm: number;
  rowMm: number;
}

function placeOf(frame: CaseFrame, metadata: DicomJson): Place | null {
  const position = numbersOf(frame, metadata, POSITION);
  const [rowMm = 0, columnMm = 0] = numbersOf(frame, metadata, SPACING);
  const orientation = orientationOf(frame, metadata);
  if (!orientation || position.length !== 3 || !(rowMm > 0 && columnMm > 0)) return null;
  return { ...orientation, position: position as unknown as Vector, columnMm, rowMm };
}

/** An attribute's numbers: of the frame's own functional groups, else of the shared ones, else of the object. */
function numbersOf(frame: CaseFrame, metadata: DicomJson, [sequence, tag]: readonly [string, string]): number[] {
  const groups = [itemOf(metadata[PER_FRAME], frame.frame_number - 1), itemOf(metadata[SHARED], 0)];
  const macros = groups.map((group) => itemOf(group?.[sequence], 0));
  const element = [...macros, metadata].find((holder) => holder?.[tag] !== undefined)?.[tag];
  const values = (element?.Value ?? []).map(Number);
  return values.every(Number.isFinite) ? values : [];
}

function itemOf(sequence: DicomElement | undefined, index: number): DicomJson | undefined {
  return sequence?.Value?.[index] as DicomJson | undefined;
}

function isParallel(one: Orientation, other: Orientation): boolean {
  return dot(one.right, other.right) > SAME_DIRECTION && dot(one.down, other.down) > SAME_DIRECTION;
}

function dot([a, b, c]: Vector, [x, y, z]: Vector): number {
  return a * x + b * y + c * z;
}

function minus([a, b, c]: Vector, [x, y, z]: Vector): Vector {
  return [a - x, b - y, c - z];
}

function cross([a, b, c]: Vector, [x, y, z]: Vector): Vector {
  return [b * z - c * y, c * x - a * z, a * y - b * x];
}
