import { describe, expect, it } from 'vitest';
import type { WindowPreset } from '../api/types';
import { presetsFor } from './windows';
import { AS_IT_COMES, hangingFrom, hangingOf, openingSlice, openingWindow, type Hung } from './hanging';

const preset = (name: string, center: number, width: number): WindowPreset => ({ name, center, width, function: 'LINEAR', points: [] });
const WINDOWS = [preset('Soft tissue', 40, 400), preset('Lung', -600, 1500), preset('Header', 1, 2)];
const TABLE: WindowPreset = { ...preset('Hard', 60, 20), function: 'TABLE', points: [[0, 0], [100, 1]] };
const UPRIGHT = { rotation: 0, isFlippedHorizontally: false, isFlippedVertically: false };
const SCREEN: Hung = { sliceIndex: 4, sliceCount: 9, window: WINDOWS[0]!, presets: WINDOWS, orientation: UPRIGHT, zoom: 2 };

describe('hangingOf', () => {
  const ofTheProject = { ...AS_IT_COMES, rotation: 90 };
  const kept = { 'p/CT/': { ...AS_IT_COMES, rotation: 180 } };

  it('is what the reader keeps, else what the project says', () => {
    expect(hangingOf({ hanging: { name: 'p/CT/', ...ofTheProject } }, kept).rotation).toBe(180);
    expect(hangingOf({ hanging: { name: 'p/MR/', ...ofTheProject } }, kept)).toEqual(ofTheProject);
    expect(hangingOf({}, kept)).toEqual(AS_IT_COMES);
  });

  it('opens with its slice and window, and with the image’s own where it offers no such', () => {
    const hanging = { ...AS_IT_COMES, first_slice: 'first' as const, window: 'Lung' as const };
    expect([openingSlice(9, hanging), openingSlice(9, AS_IT_COMES)]).toEqual([0, 4]);
    expect(openingWindow(WINDOWS, hanging)?.name).toBe('Lung');
    expect(openingWindow(WINDOWS.slice(0, 1), hanging)?.name).toBe('Soft tissue');
    expect(openingWindow([], hanging)).toBeUndefined();
    expect(openingWindow([TABLE], hanging)).toMatchObject({ center: 50, width: 100 }); // from end to end
  });
});

describe('hangingFrom', () => {
  it('keeps what is on the screen', () => {
    const turned = { rotation: 270, isFlippedHorizontally: true, isFlippedVertically: false };
    const now = { ...SCREEN, sliceIndex: 0, window: WINDOWS[1]!, orientation: turned, zoom: 0.5 };
    expect(hangingFrom(now, 'prior', ['', 'Lung'], 2)).toEqual({
      layout: 'prior',
      window: 'Lung',
      fit: 'pixels',
      first_slice: 'first',
      rotation: 270,
      is_flipped_horizontally: true,
      is_flipped_vertically: false,
    });
  });

  it('leaves the window to the image where it is its own, or one of this header alone', () => {
    expect(hangingFrom(SCREEN, 'one', ['', 'Lung'], 1)).toEqual(AS_IT_COMES);
    expect(hangingFrom({ ...SCREEN, window: WINDOWS[2]! }, 'one', ['', 'Lung'], 1).window).toBe('');
  });

  it('keeps a window that is a table', () => {
    const presets = presetsFor([...WINDOWS, TABLE]);
    const keep = (window: WindowPreset): string => hangingFrom({ ...SCREEN, presets, window }, 'one', ['', 'Hard'], 1).window;
    expect(keep(presets[3]!)).toBe('Hard');
    expect(keep({ ...presets[3]!, width: 120 })).toBe('');
  });
});
