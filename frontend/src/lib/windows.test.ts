import { expect, test } from 'vitest';
import { formatWindowValue, presetsFor, rangeOf, voiFunctionOf, windowOf } from './windows';

test('a CT offers its header windows first, then the usual ones that are not among them', () => {
  const presets = presetsFor([{ name: 'Lung', center: -600, width: 1600 }, { name: '', center: 40, width: 80 }], 'CT');
  expect(presets.map((preset) => preset.name)).toEqual(['Lung', 'As recorded 2', 'Soft tissue', 'Bone', 'Liver']);
});

test('other modalities offer what the header says', () => {
  expect(presetsFor([{ name: '', center: 500, width: 900 }], 'MR')).toEqual([{ name: 'As recorded', center: 500, width: 900 }]);
});

// PS3.3 C.11.2.1.2.1: with center 2048 and width 4096 the whole range of 0 to 4095 is shown.
test('LINEAR of center 2048, width 4096 is 0 to 4095', () => {
  expect(rangeOf(2048, 4096, 'LINEAR')).toEqual({ lower: 0, upper: 4095 });
});

// PS3.3 C.11.2.1.3.2: LINEAR_EXACT goes from center - width / 2 to center + width / 2.
test('LINEAR_EXACT of center 0, width 100 is -50 to 50', () => {
  expect(rangeOf(0, 100, 'LINEAR_EXACT')).toEqual({ lower: -50, upper: 50 });
});

test.each(['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const)('windowOf undoes rangeOf for %s', (voi) => {
  expect(windowOf(rangeOf(37.5, 401, voi), voi)).toEqual({ center: 37.5, width: 401 });
});

test('an unknown VOI LUT function is LINEAR', () => {
  expect(voiFunctionOf('SOMETHING')).toBe('LINEAR');
  expect(voiFunctionOf('SIGMOID')).toBe('SIGMOID');
});

test('narrow windows show decimals', () => {
  expect(formatWindowValue(0.1234, 0.5)).toBe('0.123');
  expect(formatWindowValue(40, 400)).toBe('40');
});
