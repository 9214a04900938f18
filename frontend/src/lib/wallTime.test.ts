import { expect, test } from 'vitest';
import { MOST_SECONDS, wallSeconds } from './wallTime';

const HOUR = 3_600_000;

test.each([
  ['a minute and a half', 0, 90_000, 60_000, 90],
  ['a laptop that was closed for a night', 0, 12 * HOUR, 60_000, 12 * 3600],
  ['a clock set back by a day: the active time is the least', 24 * HOUR, 60_000, 45_000, 45],
  ['a clock set forward by ten years: what the server takes', 0, 10 * 366 * 24 * HOUR, 45_000, MOST_SECONDS],
])('%s', (_, openedAt, now, activeMs, seconds) => {
  expect(wallSeconds(openedAt, now, activeMs)).toBe(seconds);
});
