import { expect, test } from 'vitest';
import { aSubmission } from '../../testing/fakes';
import { presentationOf } from './presentation';

test('what was stored is shown, and colour images have no window', () => {
  const stored = { ...aSubmission('a').display_state, zoom: 1.5, pan: [3, -4] as [number, number], rotation: 90 };
  expect(presentationOf(stored)).toMatchObject({ sliceIndex: 0, window: null, zoom: 1.5, pan: [3, -4], orientation: { rotation: 90 } });
});

test('a Reading that stored nothing is shown as the case opens', () => {
  expect(presentationOf({})).toMatchObject({ sliceIndex: null, window: null, isInverted: null, zoom: null, pan: null });
});
