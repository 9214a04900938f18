import { expect, test } from 'vitest';
import { WHOLE, isWhole, movedBy, viewFrom, zoomedAt } from './planeView';

test('what lies under the pointer stays there', () => {
  const moved = movedBy(WHOLE, [10, -4]);
  const larger = zoomedAt(moved, 2, [30, 6]);
  expect(larger).toEqual({ zoom: 2, pan: [-10, -14] });
  expect(zoomedAt(larger, 0.5, [30, 6])).toEqual(moved);
});

test('it is neither lost in the distance nor in a sample', () => {
  expect(zoomedAt(WHOLE, 1000, [0, 0]).zoom).toBe(16);
  expect(zoomedAt(WHOLE, 0, [0, 0]).zoom).toBe(0.25);
});

test('what was stored is taken up, and what makes no sense is not', () => {
  const kept = { zoom: 2, pan: [3, 4] as const };
  expect(viewFrom(kept)).toEqual(kept);
  for (const odd of [undefined, null, 'x', {}, { zoom: 'a', pan: [0, 0] }, { zoom: 2, pan: [1] }, { zoom: -1, pan: [0, 0] }, { zoom: 2, pan: null }]) {
    expect(isWhole(viewFrom(odd))).toBe(true);
  }
});
