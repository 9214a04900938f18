import { expect, test } from 'vitest';
import { boxBetween, isAtDetector, lengthMm, lengthPixels, regionFigures } from './measure';

test('a length counts rows and columns by their own spacing', () => {
  // 3 columns of 1 mm and 4 rows of 0.5 mm: √(9 + 4) mm
  expect(lengthMm([1, 1], [4, 5], [5, 0.5, 1])).toBeCloseTo(Math.sqrt(13));
  expect(lengthMm([1, 1], [4, 5], null)).toBeNull();
  expect(lengthPixels([1, 1], [4, 5])).toBe(5);
});

test('a region counts the pixels in the ellipse only', () => {
  // Around (2, 2) with half axes of 1: the middle and its four neighbours, 12 and 8, 10, 10, 14 by this ramp.
  const figures = regionFigures([1, 1], [3, 3], 5, 5, (column, row) => column * 2 + row * 3);
  // Values 10 (2,2), 8 (1,2), 12 (3,2), 7 (2,1), 13 (2,3): mean 10, squares 0 + 4 + 4 + 9 + 9 = 26, SD √(26 / 4).
  expect(figures).toEqual({ mean: 10, deviation: Math.sqrt(26 / 4), pixelCount: 5 });
});

test('a region ends with the image, and may be empty', () => {
  expect(regionFigures([-1, -1], [1, 1], 5, 5, () => 7)).toEqual({ mean: 7, deviation: 0, pixelCount: 3 });
  expect(regionFigures([0.2, 0.2], [0.4, 0.4], 5, 5, () => 7)).toBeNull();
});

test('a drag is a box from its upper left, a click is none', () => {
  expect(boxBetween([8, 6], [3, 9])).toEqual({ x: 3, y: 6, width: 5, height: 3 });
  expect(boxBetween([8, 6], [8.4, 9])).toBeNull();
});

test('millimetres of a radiograph are at the detector where the file gives no others', () => {
  const [imager, patient, same] = [[0.14, 0.14], [0.1, 0.1], [0.14, 0.14]].map((Value) => ({ vr: 'DS', Value }));
  expect(isAtDetector({ '00181164': imager! })).toBe(true);
  expect(isAtDetector({ '00181164': imager!, '00280030': same! })).toBe(true);
  expect(isAtDetector({ '00181164': imager!, '00280030': patient! })).toBe(false);
  expect(isAtDetector({ '00280030': patient! })).toBe(false);
  expect(isAtDetector(undefined)).toBe(false);
});
