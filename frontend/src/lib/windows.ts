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
