const DAY_SECONDS = 24 * 3600;
/** The most that the server takes; beyond it the clock was set. */
export const MOST_SECONDS = 366 * DAY_SECONDS;

/**
 * Wall time of a case: from when it was first opened to now, pauses and closed laptops included.
 * A clock that was set back in between makes it no shorter than the active time, which no clock setting moves.
 * Arguments in milliseconds, the first two since 1970; the answer in seconds, to a tenth.
 */
export function wallSeconds(openedAt: number, now: number, activeMs: number): number {
  const passed = Math.max(now - openedAt, activeMs) / 1000;
  return Math.round(Math.min(passed, MOST_SECONDS) * 10) / 10;
}
