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
/** Share of a width that is lost on the way to the ends and back. */
const ROUNDING = 1e-6;

/** Colours from 0 to 255; a drag makes them brighter or darker. */
export const COLOURS_AS_THEY_ARE: WindowPreset = { name: '', center: 127.5, width: 255, function: 'LINEAR_EXACT', points: [] };

/** The server's list, of which the first is the one to open with. */
export function presetsFor(windows: readonly WindowPreset[]): WindowPreset[] {
  return windows.map(withOwnEnds);
}

/** What has the same key in every image that offers it: those of CT, and those of all others. */
const PLACES: readonly string[] = ['Brain', 'Lung', 'Bone', 'Soft tissue', 'Liver', 'Automatic', 'Full range'];

/** What Shift+1 to Shift+9 are: the usual windows in places that hold from case to case, then the header's. */
export function inKeyOrder(presets: readonly WindowPreset[]): WindowPreset[] {
  const usual = PLACES.flatMap((place) => presets.find(({ name }) => name === place) ?? []);
  return [...usual, ...presets.filter((preset) => !usual.includes(preset))].slice(0, MOST_PRESETS);
}

/** A table as the server gives it, whose centre and width say about where it rises, by its first and last value. */
export function withOwnEnds(preset: WindowPreset): WindowPreset {
  const [first, last] = [preset.points[0], preset.points.at(-1)];
  if (preset.function !== 'TABLE' || !first || !last) return preset;
  return { ...preset, ...windowOf({ lower: first[0], upper: last[0] }, 'TABLE') };
}

/**
 * The values at which a window is black and white: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3. A sigmoid is handed to the
 * library by the ends of the line, a table reaches from end to end.
 */
export function rangeOf({ center, width, function: voi }: Omit<WindowPreset, 'name' | 'points'>): ValueRange {
  if (voi === 'LINEAR_EXACT' || voi === 'TABLE') return { lower: center - width / 2, upper: center + width / 2 };
  const half = Math.max(width - 1, NARROWEST) / 2;
  return { lower: center - 0.5 - half, upper: center - 0.5 + half };
}

/** Whether a window is this preset as it comes. */
export function isPreset(window: WindowPreset | null, preset: WindowPreset): boolean {
  if (window?.function !== preset.function || (preset.function === 'TABLE' && window.points !== preset.points)) return false;
  const rounding = ROUNDING * preset.width;
  return Math.abs(window.center - preset.center) <= rounding && Math.abs(window.width - preset.width) <= rounding;
}

/** A window as a Reading keeps it. `table` is the place of the preset whose table it is; older Readings keep none. */
export interface KeptWindow {
  center: number;
  width: number;
  function: VoiFunction;
  table: number | null;
}

/** Which of the presets a window has its table from; null where it is none. */
export function tableOf(window: WindowPreset, presets: readonly WindowPreset[]): number | null {
  const index = presets.findIndex(({ points }) => points === window.points);
  return window.function === 'TABLE' && index >= 0 ? index : null;
}

/** A kept window with its table; where the case has none any more, as a line. */
export function asKept({ table, ...window }: KeptWindow, presets: readonly WindowPreset[]): WindowPreset {
  const tables = presets.filter((preset) => preset.function === 'TABLE');
  const kin = tables.find((preset) => preset === presets[table ?? -1]) ?? tables[0];
  if (window.function !== 'TABLE') return { name: '', points: [], ...window };
  return kin ? { ...kin, ...window } : { name: '', points: [], ...window, function: 'LINEAR_EXACT' };
}

/** The window of these values: the way back of `rangeOf`. */
export function windowOf(range: ValueRange, voi: VoiFunction): { center: number; width: number } {
  const span = range.upper - range.lower;
  if (voi === 'LINEAR_EXACT' || voi === 'TABLE') return { center: (range.lower + range.upper) / 2, width: span };
  return { center: (range.lower + range.upper + 1) / 2, width: span + 1 };
}

/** A drag of so many pixels goes through all values of an image. */
const DRAG_OF_ALL = 1024;

/**
 * The window after a drag of so many pixels to the right, which widens it, and downwards, which moves it up. `spread`: from
 * the image's lowest to its highest value. A line of PS3.3 C.11.2.1.2 is never narrower than 1.
 */
export function draggedBy(range: ValueRange, voi: VoiFunction, spread: number, [right, down]: readonly [number, number]): ValueRange {
  const step = (spread || 1) / DRAG_OF_ALL;
  const pace = step > 1 ? Math.round(step) : step;
  const { center, width } = windowOf(range, voi);
  const narrowest = voi === 'LINEAR' || voi === 'SIGMOID' ? 1 + NARROWEST : Math.min(1, pace);
  return rangeOf({ center: center + down * pace, width: Math.max(narrowest, width + right * pace), function: voi });
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
  const { lower, upper } = rangeOf(window);
  const shareOf = (value: number): number => Math.min(1, Math.max(0, (value - lower) / (upper - lower)));
  if (voi !== 'TABLE') return shareOf;
  const [first, last] = [points[0]?.[0] ?? lower, points.at(-1)?.[0] ?? upper];
  // A table that was drawn wider or narrower keeps its shape.
  return (value) => outputOf(points, first + shareOf(value) * (last - first));
}

/** Of a table, straight from point to point. */
function outputOf(points: WindowPreset['points'], value: number): number {
  let [from, to] = [0, points.length - 1];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if ((points[middle]?.[0] ?? 0) < value) from = middle;
    else to = middle;
  }
  const [before, after] = [points[from], points[to]];
  if (!before || !after || from === to) return before?.[1] ?? 0;
  return before[1] + ((value - before[0]) / (after[0] - before[0])) * (after[1] - before[1]);
}
