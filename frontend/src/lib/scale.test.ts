import { expect, test } from 'vitest';
import type { Criterion } from '../api/types';
import { anchorText, hasLevels, isOnScale, levelsOf, scoreAfterDigit, scoreAfterStep } from './scale';

const criterion = (minimum: number, maximum: number, step = 1): Criterion => ({
  key: 'noise',
  question: 'Noise',
  minimum,
  maximum,
  step,
  anchors: [{ value: 1, text: 'Not diagnostic' }],
});

test('levels go from minimum to maximum in steps without rounding noise', () => {
  expect(levelsOf(criterion(0, 1, 0.1)).slice(0, 4)).toEqual([0, 0.1, 0.2, 0.3]);
  expect(levelsOf(criterion(1, 5))).toHaveLength(5);
});

test('a digit scores its own level and nothing beyond the scale', () => {
  expect(scoreAfterDigit(criterion(1, 5), null, 4)).toBe(4);
  expect(scoreAfterDigit(criterion(1, 5), 4, 7)).toBeNull();
  expect(scoreAfterDigit(criterion(1, 5), 4, 0)).toBeNull();
});

test('0 is ten on a scale from 1 to 10, and zero on a scale from 0 to 10', () => {
  expect(scoreAfterDigit(criterion(1, 10), 3, 0)).toBe(10);
  expect(scoreAfterDigit(criterion(0, 10), 3, 0)).toBe(0);
});

test('on a scale to 100 digits are typed one after the other', () => {
  const wide = criterion(0, 100);
  expect(scoreAfterDigit(wide, null, 8)).toBe(8);
  expect(scoreAfterDigit(wide, 8, 5)).toBe(85);
  expect(scoreAfterDigit(wide, 85, 3)).toBe(3);
});

test('half levels are a step from a whole one and stay on the scale', () => {
  const halves = criterion(1, 5, 0.5);
  expect(scoreAfterStep(halves, 4, 1)).toBe(4.5);
  expect(scoreAfterStep(halves, 5, 1)).toBe(5);
  expect(scoreAfterStep(halves, null, 1)).toBeNull();
  expect(isOnScale(halves, 4.25)).toBe(false);
});

test('up to eleven levels stand side by side', () => {
  expect(hasLevels(criterion(0, 10))).toBe(true);
  expect(hasLevels(criterion(0, 100))).toBe(false);
});

test('a level has its anchor text, else none', () => {
  expect(anchorText(criterion(1, 5), 1)).toBe('Not diagnostic');
  expect(anchorText(criterion(1, 5), 2)).toBe('');
});
