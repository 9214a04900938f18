import { expect, test } from 'vitest';
import { backoffMilliseconds } from './backoff';
import { extent, linearScale, polyline, ticks } from './chartScales';
import { bytes, clockTime, duration } from './format';
import { counted } from './i18n';
import { firstSlice, isIn, outwardsFrom, sizeOf, withIndex, withoutIndex, type Runs } from './loadOrder';
import { withSoundMetadata } from './soundMetadata';
import { chunksOf, MOST_BYTES, MOST_FILES } from './uploadChunks';
import { newUuid } from './uuid';
import { wheelTurn } from './wheel';

test('slices load from the middle outwards, each once', () => {
  expect(outwardsFrom(firstSlice(6), 6)).toEqual([2, 3, 1, 4, 0, 5]);
  expect(outwardsFrom(0, 3)).toEqual([0, 1, 2]);
  expect(outwardsFrom(3, 4)).toEqual([3, 2, 1, 0]);
  expect(firstSlice(1)).toBe(0);
});

test('runs of slices are drawn as one', () => {
  const runs = [5, 1, 3, 2, 7, 2].reduce<Runs>(withIndex, []);
  expect(runs).toEqual([[1, 3], [5, 5], [7, 7]]);
  expect(sizeOf(runs)).toBe(5);
  expect([1, 3, 4, 7].map((index) => isIn(runs, index))).toEqual([true, true, false, true]);
  expect(withIndex(withIndex(runs, 6), 4)).toEqual([[1, 7]]);
  expect(withoutIndex([[1, 7]], 3)).toEqual([[1, 2], [4, 7]]);
  expect([1, 9, 7].reduce<Runs>(withoutIndex, [[1, 1], [7, 8]])).toEqual([[8, 8]]);
});

test('waits grow to half a minute and no further', () => {
  expect([1, 2, 3, 5, 6, 50].map(backoffMilliseconds)).toEqual([1000, 2000, 4000, 16_000, 30_000, 30_000]);
});

test('a notch of the wheel is one slice, and a trackpad adds up', () => {
  expect(wheelTurn(0, 120, 0)).toEqual({ steps: 1, rest: 0 });
  expect(wheelTurn(0, -3, 1)).toEqual({ steps: -1, rest: 0 });
  const first = wheelTurn(0, 30, 0);
  expect(first).toEqual({ steps: 0, rest: 30 });
  expect(wheelTurn(first.rest, 30, 0)).toEqual({ steps: 1, rest: 10 });
  expect(wheelTurn(30, -10, 0)).toEqual({ steps: 0, rest: -10 });
});

test('files are sent a few at a time, in their order, a large one alone', () => {
  const small = Array.from({ length: MOST_FILES + 1 }, (_, index) => ({ size: 10, index }));
  expect(chunksOf(small).map((chunk) => chunk.length)).toEqual([MOST_FILES, 1]);
  expect(chunksOf([{ size: 1 }, { size: MOST_BYTES + 1 }, { size: 1 }]).map((chunk) => chunk.length)).toEqual([1, 1, 1]);
  expect(chunksOf(small).flat()).toEqual(small);
  expect(chunksOf([])).toEqual([]);
});

test('a UUID is of version 4 and not the last one', () => {
  expect(newUuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(newUuid()).not.toBe(newUuid());
});

test('times and sizes are written for people', () => {
  expect(clockTime(new Date(2025, 0, 1, 14, 3))).toBe('14:03');
  expect([40, 200, 7500].map(duration)).toEqual(['40 s', '3 min 20 s', '2 h 5 min']);
  expect([500, 2048, 5_242_880].map(bytes)).toEqual(['500 B', '2.0 kB', '5.0 MB']);
  expect(counted(1, '{count} file', '{count} files')).toBe('1 file');
});

test('scales and ticks', () => {
  const x = linearScale([0, 10], [0, 100]);
  expect(x(2.5)).toBe(25);
  expect(ticks([1, 5], 5)).toEqual([1, 2, 3, 4, 5]);
  expect(ticks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks([3, 3], 5)).toEqual([3]);
  expect(extent([])).toEqual([0, 1]);
  expect(extent([2, 2], 0.5)).toEqual([1, 3]);
  expect(polyline([[0, 0], [10, 5]], x, x)).toBe('0,0 100,50');
});

test('geometry that would draw nothing is left out, and sound geometry stays', () => {
  const spacing = (values: number[]) => ({ '00280030': { vr: 'DS', Value: values }, '00280010': { vr: 'US', Value: [4] } });
  // pydicom's RG1_UNCR.dcm carries PixelSpacing 0.000\0.000.
  const mr = { '00080060': { vr: 'CS', Value: ['MR'] } };
  expect(withSoundMetadata({ ...mr, ...spacing([0, 0]) })).toEqual({ ...mr, '00280010': { vr: 'US', Value: [4] } });
  const sound = { ...mr, ...spacing([0.5, 0.7]) };
  expect(withSoundMetadata(sound)).toEqual(sound);
  const flat = {
    ...mr,
    '00200037': { vr: 'DS', Value: [0, 0, 0, 0, 0, 0] }, '00200032': { vr: 'DS', Value: [1, 2, 3] } };
  expect(Object.keys(withSoundMetadata(flat)).sort()).toEqual(['00080060', '00200032']);
});

test('pixels of a known shape only get a spacing of that shape, and known sizes go before', () => {
  const wide = { '00280034': { vr: 'IS', Value: [1, 2] } };
  expect(withSoundMetadata(wide)['00280030']?.Value).toEqual([0.5, 1]);
  const sized = { ...wide, '00280030': { vr: 'DS', Value: [3, 3] } };
  expect(withSoundMetadata(sized)['00280030']?.Value).toEqual([3, 3]);
});

test('what the library fails on is mended: no modality, and the VOI LUT function', () => {
  const mended = withSoundMetadata({ '00281056': { vr: 'CS', Value: ['SIGMOID'] } });
  expect(mended).toEqual({ '00080060': { vr: 'CS', Value: ['OT'] } });
});
