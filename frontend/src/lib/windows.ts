import type { WindowPreset } from '../api/types';

export interface ValueRange {
  lower: number;
  upper: number;
}

export type VoiFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';

/** Window and width for CT in Hounsfield units, as radiology departments commonly set them. */
const CT_PRESETS: readonly WindowPreset[] = [
  { name: 'Soft tissue', center: 40, width: 400 },
  { name: 'Lung', center: -600, width: 1500 },
  { name: 'Bone', center: 400, width: 1800 },
  { name: 'Brain', center: 40, width: 80 },
  { name: 'Liver', center: 60, width: 160 },
];

/** What Shift+1 to Shift+9 offer: the header's windows first, then the modality's. */
export function presetsFor(windows: readonly WindowPreset[], modality: string): WindowPreset[] {
  const named = windows.map((window, index) => ({ ...window, name: window.name || nameOf(index, windows.length) }));
  const others = modality === 'CT' ? CT_PRESETS.filter((preset) => !named.some((window) => isSame(window, preset))) : [];
  return [...named, ...others].slice(0, 9);
}

function nameOf(index: number, count: number): string {
  return count === 1 ? 'As recorded' : `As recorded ${index + 1}`;
}

function isSame(a: WindowPreset, b: WindowPreset): boolean {
  const isSameName = a.name.toLowerCase() === b.name.toLowerCase();
  return isSameName || (a.center === b.center && a.width === b.width);
}

/** Values drawn black and white, DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3. */
export function rangeOf(center: number, width: number, voi: VoiFunction): ValueRange {
  if (voi === 'LINEAR_EXACT') return { lower: center - width / 2, upper: center + width / 2 };
  return { lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 };
}

/** The window of these values: the way back of `rangeOf`. */
export function windowOf(range: ValueRange, voi: VoiFunction): { center: number; width: number } {
  const span = range.upper - range.lower;
  if (voi === 'LINEAR_EXACT') return { center: (range.lower + range.upper) / 2, width: span };
  return { center: (range.lower + range.upper + 1) / 2, width: span + 1 };
}

/** VOI LUT Function (0028,1056); anything unknown means LINEAR, as the standard's default. */
export function voiFunctionOf(value: unknown): VoiFunction {
  return value === 'LINEAR_EXACT' || value === 'SIGMOID' ? value : 'LINEAR';
}

/** Short for a corner of the screen: whole numbers where the width allows it. */
export function formatWindowValue(value: number, width: number): string {
  if (width >= 20) return value.toFixed(0);
  return value.toFixed(width >= 2 ? 1 : 3);
}
