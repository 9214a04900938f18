import { expect, test } from 'vitest';
import { displayNotices, type DisplayFacts } from './displayNotices';

const GOOD: DisplayFacts = {
  zoom: 1,
  devicePixelRatio: 1,
  windowWidth: 400,
  firstWindowWidth: 400,
  screen: [1920, 1080],
  hasPassedCheck: null,
};

test('nothing is said of a display that shows everything', () => {
  expect(displayNotices(GOOD)).toEqual([]);
  expect(displayNotices({ ...GOOD, windowWidth: null, firstWindowWidth: null })).toEqual([]);
});

test('fewer device pixels than image pixels is reduced; a fine screen makes up for a small zoom', () => {
  expect(displayNotices({ ...GOOD, zoom: 0.9 })).toEqual(['reduced']);
  expect(displayNotices({ ...GOOD, zoom: 0.5, devicePixelRatio: 2 })).toEqual([]);
});

test('a window of less than a tenth of the first is narrow', () => {
  expect(displayNotices({ ...GOOD, windowWidth: 39 })).toEqual(['narrow_window']);
  expect(displayNotices({ ...GOOD, windowWidth: 41 })).toEqual([]);
});

test('a screen of less than a million device pixels is small', () => {
  expect(displayNotices({ ...GOOD, screen: [800, 600] })).toEqual(['small_screen']);
  expect(displayNotices({ ...GOOD, screen: [800, 600], devicePixelRatio: 2 })).toEqual([]);
});

test('a page that is zoomed out makes no screen small', () => {
  expect(displayNotices({ ...GOOD, zoom: 2, devicePixelRatio: 0.67 })).toEqual([]);
});

test('a screen that did not pass its test is named; one that was never tested is not', () => {
  expect(displayNotices({ ...GOOD, hasPassedCheck: false })).toEqual(['failed_check']);
  expect(displayNotices({ ...GOOD, hasPassedCheck: true })).toEqual([]);
});
