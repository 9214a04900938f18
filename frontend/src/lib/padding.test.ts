import { expect, test } from 'vitest';
import type { DicomElement } from '../api/types';
import { paddingRange } from './padding';

const AS_STORED = { slope: 1, intercept: 0, isWhole: true };

function value(number: number): DicomElement {
  return { vr: 'US', Value: [number] };
}

test('no padding where the header names none', () => {
  expect(paddingRange(undefined, value(3), true, AS_STORED)).toBeNull();
  expect(paddingRange({ vr: 'US' }, undefined, true, AS_STORED)).toBeNull();
});

test('one value, or all up to the limit on either side of it', () => {
  expect(paddingRange(value(7), undefined, true, AS_STORED)).toEqual([7, 7]);
  expect(paddingRange(value(7), value(3), true, AS_STORED)).toEqual([3, 7]);
});

test('a signed padding of unsigned pixels is what its bits say', () => {
  expect(paddingRange(value(-2000), value(-1500), true, AS_STORED)).toEqual([63536, 64036]);
  expect(paddingRange(value(-2000), undefined, false, AS_STORED)).toEqual([-2000, -2000]);
});

test('in the units of the values in memory, whose fractions may be cut off', () => {
  expect(paddingRange(value(0), value(10), false, { slope: -2, intercept: 100, isWhole: true })).toEqual([80, 100]);
  expect(paddingRange(value(1), undefined, false, { slope: 0.37, intercept: -12.5, isWhole: true })).toEqual([-12, -12]);
  const [low, high] = paddingRange(value(1), undefined, false, { slope: 0.37, intercept: -12.5, isWhole: false }) ?? [];
  expect(low).toBeLessThan(Math.fround(-12.13));
  expect(high).toBeGreaterThan(Math.fround(-12.13));
});
