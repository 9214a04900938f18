import { expect, test } from 'vitest';
import type { WindowPreset } from '../api/types';
import { formatWindowValue, greyOf, presetsFor, rangeOf, windowOf } from './windows';

function aWindow(center: number, width: number, change: Partial<WindowPreset> = {}): WindowPreset {
  return { name: 'Header', center, width, function: 'LINEAR', points: [], ...change };
}

test('as many presets are offered as there are keys', () => {
  expect(presetsFor(Array.from({ length: 12 }, (_, index) => aWindow(index, 10)))).toHaveLength(9);
});

// PS3.3 C.11.2.1.2.1: with center 2048 and width 4096 the whole range of 0 to 4095 is shown.
test('LINEAR of center 2048, width 4096 is 0 to 4095', () => {
  expect(rangeOf(aWindow(2048, 4096))).toEqual({ lower: 0, upper: 4095 });
});

// PS3.3 C.11.2.1.3.2: LINEAR_EXACT goes from center - width / 2 to center + width / 2.
test('LINEAR_EXACT of center 0, width 100 is -50 to 50', () => {
  expect(rangeOf(aWindow(0, 100, { function: 'LINEAR_EXACT' }))).toEqual({ lower: -50, upper: 50 });
});

test('a width of 1 is a step, and can be drawn', () => {
  const { lower, upper } = rangeOf(aWindow(100, 1));
  expect(lower).toBeLessThan(upper);
  expect((lower + upper) / 2).toBeCloseTo(99.5);
});

test('a table reaches from its first value to its last', () => {
  const table = aWindow(50, 20, { function: 'TABLE', points: [[10, 0], [60, 0.2], [90, 1]] });
  expect(rangeOf(table)).toEqual({ lower: 10, upper: 90 });
});

test.each(['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const)('windowOf undoes rangeOf for %s', (voi) => {
  expect(windowOf(rangeOf(aWindow(37.5, 401, { function: voi })), voi)).toEqual({ center: 37.5, width: 401 });
});

test('narrow windows show decimals', () => {
  expect(formatWindowValue(0.1234, 0.5)).toBe('0.123');
  expect(formatWindowValue(40, 400)).toBe('40');
});

test.each([
  ['LINEAR', -160.5, 0],
  ['LINEAR', 39.5, 127.5],
  ['LINEAR', 500, 255],
  ['SIGMOID', 40, 127.5],
  ['SIGMOID', 140, 186.4], // 255 / (1 + exp(-4 x 100 / 400)), PS3.3 C.11.2.1.3.1
] as const)('%s of 40 / 400 shows %d as %d', (voi, value, grey) => {
  expect(greyOf(aWindow(40, 400, { function: voi }), false)(value)).toBeCloseTo(grey, 1);
  expect(greyOf(aWindow(40, 400, { function: voi }), true)(value)).toBeCloseTo(255 - grey, 1);
});

test('a table is straight between its points, and keeps its shape where its window is made wider', () => {
  const points: [number, number][] = [[0, 0], [50, 0.8], [100, 1]];
  const asItIs = greyOf(aWindow(50, 100, { function: 'TABLE', points }), false);
  expect([-5, 25, 50, 75, 200].map((value) => asItIs(value) / 255)).toEqual([0, 0.4, 0.8, 0.9, 1].map((share) => expect.closeTo(share, 6) as number));
  const wider = greyOf(aWindow(50, 200, { function: 'TABLE', points }), false);
  expect(wider(50) / 255).toBeCloseTo(0.8);
  expect(wider(0) / 255).toBeCloseTo(0.4);
});
