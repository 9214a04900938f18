import { expect, test } from 'vitest';
import { aSubmission } from '../../testing/fakes';
import { presentationOf } from './presentation';

test('what was stored is shown, and colour images have no window', () => {
  const stored = { ...aSubmission('a').display_state, zoom: 1.5, pan: [3, -4] as [number, number], rotation: 90 };
  expect(presentationOf(stored)).toMatchObject({ sliceIndex: 0, window: null, zoom: 1.5, pan: [3, -4], orientation: { rotation: 90 } });
});

test('a window is shown with the table that it had', () => {
  const stored = { window_center: 100, window_width: 50, window_function: 'TABLE' as const };
  expect(presentationOf({ ...stored, window_table: 2 }).window).toEqual({ center: 100, width: 50, function: 'TABLE', table: 2 });
  expect(presentationOf(stored).window).toMatchObject({ table: null }); // of an older Reading
});

test('a Reading that stored nothing is shown as the case opens', () => {
  expect(presentationOf({})).toMatchObject({ sliceIndex: null, window: null, isInverted: null, zoom: null, pan: null });
});
