import type { WindowPreset } from '../api/types';

export interface ValueRange {
  lower: number;
  upper: number;
}

export type VoiFunction = WindowPreset['function'];

/** The keys Shift+1 to Shift+9 reach as many. */
const MOST_PRESETS = 9;
/** What cannot be drawn narrower: black and white must not be the same value. */
const NARROWEST = 1e-3;

/** What Shift+1 to Shift+9 offer: the server's list, of which the first is the one to open with. */
export function presetsFor(windows: readonly WindowPreset[]): WindowPreset[] {
  return windows.slice(0, MOST_PRESETS);
}

/** The values at which a preset is black and white. */
export function rangeOf({ center, width, function: voi, points }: WindowPreset): ValueRange {
  const [first, last] = [points[0], points.at(-1)];
  if (voi === 'TABLE' && first && last) return { lower: first[0], upper: last[0] };
  return linearRange(center, width, voi);
}

/** DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3. A sigmoid is handed to the library by the ends of the line. */
function linearRange(center: number, width: number, voi: VoiFunction): ValueRange {
  if (voi === 'LINEAR_EXACT') return { lower: center - width / 2, upper: center + width / 2 };
  const half = Math.max(width - 1, NARROWEST) / 2;
  return { lower: center - 0.5 - half, upper: center - 0.5 + half };
}

/** The window of these values: the way back of `rangeOf`, but for tables, which have no more than their ends. */
export function windowOf(range: ValueRange, voi: VoiFunction): { center: number; width: number } {
  const span = range.upper - range.lower;
  if (voi === 'LINEAR_EXACT' || voi === 'TABLE') return { center: (range.lower + range.upper) / 2, width: span };
  return { center: (range.lower + range.upper + 1) / 2, width: span + 1 };
}

/** Short for a corner of the screen: whole numbers where the width allows it. */
export function formatWindowValue(value: number, width: number): string {
  if (width >= 20) return value.toFixed(0);
  return value.toFixed(width >= 2 ? 1 : 3);
}

/** What a window shows a value as, from 0 (black) to 255: PS3.3 C.11.2.1.2, C.11.2.1.3, and C.11.2.1.1 for tables. */
export function greyOf(window: WindowPreset, isInverted: boolean): (value: number) => number {
  const curve = curveOf(window);
  return isInverted ? (value) => 255 - 255 * curve(value) : (value) => 255 * curve(value);
}

/** Shares of white. */
function curveOf(window: WindowPreset): (value: number) => number {
  const { center, width, function: voi, points } = window;
  if (voi === 'SIGMOID') return (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width));
  const { lower, upper } = voi === 'TABLE' ? linearRange(center, width, 'LINEAR_EXACT') : rangeOf(window);
  const shareOf = (value: number): number => Math.min(1, Math.max(0, (value - lower) / (upper - lower)));
  if (voi !== 'TABLE') return shareOf;
  const [first, last] = [points[0]?.[0] ?? lower, points.at(-1)?.[0] ?? upper];
  // A table that was drawn wider or narrower keeps its shape.
  return (value) => outputOf(points, first + shareOf(value) * (last - first));
}

/** Of a table, straight from point to point. */
function outputOf(points: WindowPreset['points'], value: number): number {
  const next = Math.max(1, points.findIndex(([from], index) => from >= value && index > 0));
  const [before, after] = [points[next - 1], points[next]];
  if (!before || !after) return before?.[1] ?? 0;
  return before[1] + ((value - before[0]) / (after[0] - before[0])) * (after[1] - before[1]);
}
