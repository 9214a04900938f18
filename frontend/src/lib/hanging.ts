import type { Case, Hanging, WindowPreset } from '../api/types';
import { firstSlice } from './loadOrder';
import { isPreset, withOwnEnds } from './windows';

/** How a case is shown where nobody set anything. */
export const AS_IT_COMES: Hanging = {
  layout: 'one',
  window: '',
  fit: 'whole',
  first_slice: 'middle',
  rotation: 0,
  is_flipped_horizontally: false,
  is_flipped_vertically: false,
};

/** As the reader keeps it, else as the project's manager set it. */
export function hangingOf(reading: Pick<Case, 'hanging'>, kept: Readonly<Record<string, Hanging>>): Hanging {
  if (!reading.hanging) return AS_IT_COMES;
  const { name, ...ofTheProject } = reading.hanging;
  return kept[name] ?? ofTheProject;
}

export function openingSlice(count: number, hanging: Hanging): number {
  return hanging.first_slice === 'first' ? 0 : firstSlice(count);
}

/** The window of this name, where the image offers it; else its own first one. */
export function openingWindow(windows: readonly WindowPreset[], hanging: Hanging): WindowPreset | undefined {
  const opening = windows.find(({ name }) => name === hanging.window) ?? windows[0];
  return opening && withOwnEnds(opening);
}

/** What of the screen a hanging can keep. */
export interface Hung {
  sliceIndex: number;
  sliceCount: number;
  window: WindowPreset | null;
  presets: readonly WindowPreset[];
  orientation: { rotation: number; isFlippedHorizontally: boolean; isFlippedVertically: boolean };
  /** CSS pixels for one image pixel. */
  zoom: number;
}

/** The screen as a hanging; `names` are the windows that can be kept. */
export function hangingFrom(now: Hung, layout: Hanging['layout'], names: readonly string[], devicePixelRatio: number): Hanging {
  const preset = now.presets.slice(1).find((one) => isPreset(now.window, one));
  return {
    layout,
    window: preset && names.includes(preset.name) ? preset.name : '',
    fit: Math.abs(now.zoom * devicePixelRatio - 1) < 0.01 ? 'pixels' : 'whole',
    first_slice: now.sliceCount > 1 && now.sliceIndex === 0 ? 'first' : 'middle',
    rotation: now.orientation.rotation,
    is_flipped_horizontally: now.orientation.isFlippedHorizontally,
    is_flipped_vertically: now.orientation.isFlippedVertically,
  };
}
