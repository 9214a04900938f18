import { expect, test } from 'vitest';
import type { WindowPreset } from '../api/types';
import { asKept, draggedBy, formatWindowValue, greyOf, inKeyOrder, isPreset, presetsFor, rangeOf, tableOf, windowOf } from './windows';

function aWindow(center: number, width: number, change: Partial<WindowPreset> = {}): WindowPreset {
  return { name: 'Header', center, width, function: 'LINEAR', points: [], ...change };
}

/** As the server gives one: centre and width say about where it rises. */
function aTable(name: string, bend: number): WindowPreset {
  return aWindow(50, 20, { name, function: 'TABLE', points: [[10, 0], [60, bend], [90, 1]] });
}

test('as many presets are offered as there are keys', () => {
  expect(inKeyOrder(presetsFor(Array.from({ length: 12 }, (_, index) => aWindow(index, 10))))).toHaveLength(9);
});

test('a usual window has the same key in every case, whatever the header has and the case opens with', () => {
  const names = (...given: string[]): string[] => inKeyOrder(given.map((name, index) => aWindow(index, 10, { name }))).map(({ name }) => name);
  const usual = ['Brain', 'Lung', 'Bone', 'Soft tissue', 'Liver'];
  expect(names('Soft tissue', 'Lung', 'Bone', 'Brain', 'Liver')).toEqual(usual);
  expect(names('WINDOW1', 'WINDOW2', 'Lung', 'Soft tissue', 'Bone', 'Brain', 'Liver')).toEqual([...usual, 'WINDOW1', 'WINDOW2']);
  expect(names('HARDER', 'Automatic', 'Full range')).toEqual(['Automatic', 'Full range', 'HARDER']);
  expect(names('Full range', 'Automatic')).toEqual(['Automatic', 'Full range']);
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

test('a table is offered from its first value to its last, and drawn to the ends that it was dragged to', () => {
  const [offered] = presetsFor([aTable('Hard', 0.2)]);
  expect(offered).toMatchObject({ center: 50, width: 80 });
  expect(rangeOf(offered!)).toEqual({ lower: 10, upper: 90 });
  expect(rangeOf({ ...offered!, center: 100, width: 160 })).toEqual({ lower: 20, upper: 180 });
});

test('a kept window has the shape of its table between its own ends', () => {
  const presets = presetsFor([aWindow(40, 400), aTable('Soft', 0.8), aTable('Hard', 0.2)]);
  const dragged = { ...presets[2]!, center: 100, width: 160 };
  expect(tableOf(dragged, presets)).toBe(2);
  const { center, width, function: voi } = dragged;
  const again = asKept({ center, width, function: voi, table: 2 }, presets);
  expect(again).toEqual(dragged);
  expect(greyOf(again, false)(120) / 255).toBeCloseTo(0.2); // 60 of 10 to 90 is 120 of 20 to 180
  expect(asKept({ center, width, function: voi, table: null }, presets).points).toBe(presets[1]!.points);
});

test('a kept table that the case has no more is drawn as the line between its ends', () => {
  const again = asKept({ center: 100, width: 160, function: 'TABLE', table: 1 }, [aWindow(40, 400)]);
  expect(rangeOf(again)).toEqual({ lower: 20, upper: 180 });
  expect(greyOf(again, false)(60) / 255).toBeCloseTo(0.25);
});

test('a kept line needs no table', () => {
  const window = aWindow(40, 400);
  expect(tableOf(window, [window])).toBeNull();
  expect(asKept({ center: 40, width: 400, function: 'LINEAR', table: null }, [])).toMatchObject({ center: 40, width: 400, function: 'LINEAR' });
});

test('a preset is known again on the screen, whatever its curve, and of two tables that one alone', () => {
  const presets = presetsFor([aWindow(0.3, 0.7, { function: 'LINEAR_EXACT' }), aWindow(40, 400, { function: 'SIGMOID' }), aTable('Soft', 0.8), aTable('Hard', 0.2)]);
  for (const preset of presets) {
    const shown = { ...preset, ...windowOf(rangeOf(preset), preset.function) };
    expect(presets.map((one) => isPreset(shown, one))).toEqual(presets.map((one) => one === preset));
    expect(isPreset({ ...shown, width: shown.width * 1.01 }, preset)).toBe(false);
  }
  expect(isPreset(null, presets[0]!)).toBe(false);
});

test.each(['LINEAR', 'LINEAR_EXACT', 'SIGMOID', 'TABLE'] as const)('windowOf undoes rangeOf for %s', (voi) => {
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

test('a drag widens to the right and moves up downwards, as fast as the values of the image are spread', () => {
  const dragged = (spread: number): unknown => windowOf(draggedBy({ lower: 0, upper: 100 }, 'LINEAR_EXACT', spread, [20, -10]), 'LINEAR_EXACT');
  expect(dragged(4096)).toEqual({ center: 10, width: 180 });
  expect(dragged(512)).toEqual({ center: 45, width: 110 });
  expect(dragged(40_960)).toEqual({ center: -350, width: 900 }); // becquerels per millilitre: no slower than others
});

test('an image of fractions can be windowed narrower than 1, a line of whole numbers cannot', () => {
  const { lower, upper } = draggedBy({ lower: 0, upper: 1 }, 'LINEAR_EXACT', 1.024, [-600, 0]);
  expect(upper - lower).toBeCloseTo(0.4);
  const line = draggedBy({ lower: 0, upper: 10 }, 'LINEAR', 1024, [-600, 0]);
  expect(windowOf(line, 'LINEAR').width).toBeCloseTo(1);
  expect(line.upper).toBeGreaterThan(line.lower);
});
