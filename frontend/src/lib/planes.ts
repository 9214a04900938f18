import { lettersOf, oppositeOf, scaled, type StackSpace, type Vector } from './stackSpace';

/** The two planes that stand on a stack's slices: through one of their rows, or through one of their columns. */
export type Cut = 'row' | 'column';
export const CUTS: readonly Cut[] = ['row', 'column'];
export type PlaneName = 'sagittal' | 'coronal' | 'axial';

/** A column, a row and a slice, by number: where the planes cross. */
export interface Crossing {
  column: number;
  row: number;
  slice: number;
}

/** One side of a plane's picture. */
export interface PlaneAxis {
  /** Along the row or column that the plane goes through, or from slice to slice. */
  runs: 'within' | 'through';
  /** Samples, the first of which lies at the left or on top unless it is reversed. */
  count: number;
  isReversed: boolean;
  mm: number;
  /** Towards where the right or lower end lies in the patient. */
  end: string;
}

export interface Plane {
  cut: Cut;
  name: PlaneName;
  horizontal: PlaneAxis;
  vertical: PlaneAxis;
  /** Of each sample from slice to slice: the nearest slice. */
  slices: readonly number[];
}

/** Of slices at uneven distances: no more samples than so many for each. */
const MOST_SAMPLES = 4;
const NAMES: readonly PlaneName[] = ['sagittal', 'coronal', 'axial'];

/** A plane as radiologists look at it: the patient's left on the right, front on the left or on top, head on top. */
export function planeOf(space: StackSpace, cut: Cut, columns: number, rows: number): Plane {
  const slices = samplesOf(space.depthsMm);
  const within = cut === 'row' ? alongRow(space, columns) : alongColumn(space, rows);
  const through = throughSlices(space, slices.length);
  const [across, down] = mainAxis(within.direction) > mainAxis(through.direction) ? [through, within] : [within, through];
  const name = NAMES[mainAxis(cut === 'row' ? space.down : space.right)] ?? 'axial';
  return { cut, name, horizontal: axisOf(across, false), vertical: axisOf(down, mainAxis(down.direction) === 2), slices };
}

function alongRow({ right, columnMm }: StackSpace, count: number): Side {
  return { runs: 'within', direction: right, count, mm: count * columnMm };
}

function alongColumn({ down, rowMm }: StackSpace, count: number): Side {
  return { runs: 'within', direction: down, count, mm: count * rowMm };
}

/** Half of a sample's thickness lies beyond the first and the last slice. */
function throughSlices({ through, depthsMm }: StackSpace, count: number): Side {
  return { runs: 'through', direction: through, count, mm: ((depthsMm.at(-1) ?? 0) * count) / (count - 1) };
}

interface Side extends Pick<PlaneAxis, 'runs' | 'count' | 'mm'> {
  direction: Vector;
}

/** Left and back are at the end of it; of `isUp`, the head is at the start. */
function axisOf({ runs, count, mm, direction }: Side, isUp: boolean): PlaneAxis {
  const isPositive = (direction[mainAxis(direction)] ?? 0) > 0;
  const isReversed = isPositive === isUp;
  return { runs, count, mm, isReversed, end: lettersOf(isReversed ? scaled(direction, -1) : direction) };
}

/** The patient's axis that a direction follows most: 0 from right to left, 1 from front to back, 2 from foot to head. */
function mainAxis(direction: Vector): number {
  const shares = direction.map(Math.abs);
  return shares.indexOf(Math.max(...shares));
}

/** Samples at even distances, the smallest between two slices where that is not too many. */
function samplesOf(depthsMm: readonly number[]): number[] {
  const span = depthsMm.at(-1) ?? 0;
  const gaps = depthsMm.slice(1).map((depth, index) => depth - (depthsMm[index] ?? 0));
  const count = Math.min(MOST_SAMPLES * depthsMm.length, Math.round(span / Math.min(...gaps)) + 1);
  const middles = depthsMm.slice(1).map((depth, index) => (depth + (depthsMm[index] ?? 0)) / 2);
  let nearest = 0;
  return Array.from({ length: count }, (_, sample) => {
    while ((middles[nearest] ?? Infinity) <= (span * sample) / (count - 1)) nearest++;
    return nearest;
  });
}

/** The letters at the four ends of a plane's picture. */
export function edgesOf({ horizontal, vertical }: Pick<Plane, 'horizontal' | 'vertical'>): Record<'left' | 'right' | 'top' | 'bottom', string> {
  return { left: oppositeOf(horizontal.end), right: horizontal.end, top: oppositeOf(vertical.end), bottom: vertical.end };
}

/** The row or column that a plane goes through. */
export function heightOf(cut: Cut, crossing: Crossing): number {
  return crossing[cut];
}

/** Where the crossing lies in a plane's picture: shares of its width and height, from the upper left corner. */
export function shownAt(plane: Plane, crossing: Crossing): [number, number] {
  const shareOn = ({ runs, count, isReversed }: PlaneAxis): number => {
    const sample = runs === 'within' ? crossing[acrossOf(plane.cut)] : middleSample(plane.slices, crossing.slice);
    const share = (sample + 0.5) / count;
    return isReversed ? 1 - share : share;
  };
  return [shareOn(plane.horizontal), shareOn(plane.vertical)];
}

/** The crossing moved, within a plane, to a place of its picture. */
export function movedTo(plane: Plane, crossing: Crossing, [x, y]: readonly [number, number]): Crossing {
  const moved = { ...crossing };
  for (const [axis, share] of [[plane.horizontal, x], [plane.vertical, y]] as const) {
    const sample = Math.min(axis.count - 1, Math.max(0, Math.floor((axis.isReversed ? 1 - share : share) * axis.count)));
    if (axis.runs === 'within') moved[acrossOf(plane.cut)] = sample;
    else moved.slice = plane.slices[sample] ?? crossing.slice;
  }
  return moved;
}

function acrossOf(cut: Cut): 'row' | 'column' {
  return cut === 'row' ? 'column' : 'row';
}

/** A slice at an uneven distance has several samples. */
function middleSample(slices: readonly number[], slice: number): number {
  const [first, last] = [slices.indexOf(slice), slices.lastIndexOf(slice)];
  return first < 0 ? slices.findIndex((one) => one >= slice) : (first + last) / 2;
}

/** A slice's values in modality units. */
export interface SliceValues {
  columns: number;
  rows: number;
  valueAt: (column: number, row: number) => number;
}

/**
 * A plane's picture, four bytes a sample, row by row from the upper left. `grey` gives 0 to 255 for a value; where a slice
 * is not there the picture is transparent.
 */
export function drawPlane(
  plane: Plane,
  at: number,
  sliceAt: (index: number) => SliceValues | null,
  grey: (value: number) => number,
): Uint8ClampedArray<ArrayBuffer> {
  const { horizontal, vertical } = plane;
  const isStacked = vertical.runs === 'through';
  const [through, within] = isStacked ? [vertical, horizontal] : [horizontal, vertical];
  const [throughStep, withinStep] = isStacked ? [horizontal.count, 1] : [1, horizontal.count];
  const picture = new Uint8ClampedArray(horizontal.count * vertical.count * 4);
  for (let line = 0; line < through.count; line++) {
    const slice = sliceAt(plane.slices[line] ?? 0);
    if (!slice) continue;
    const start = (through.isReversed ? through.count - 1 - line : line) * throughStep;
    for (let sample = 0; sample < within.count; sample++) {
      const value = plane.cut === 'row' ? slice.valueAt(sample, at) : slice.valueAt(at, sample);
      const place = 4 * (start + (within.isReversed ? within.count - 1 - sample : sample) * withinStep);
      picture[place] = picture[place + 1] = picture[place + 2] = grey(value);
      picture[place + 3] = 255;
    }
  }
  return picture;
}
