/** What keeps a reader from seeing all that the image holds. Stored with the Reading, and said quietly. */
export type DisplayNotice = 'reduced' | 'narrow_window' | 'small_screen' | 'failed_check' | 'no_image';

export const NOTICE_TEXTS = {
  reduced: 'Drawn smaller than it is: fine detail is lost. Zoom in to see every pixel.',
  narrow_window: 'The window is very narrow: noise looks stronger than it is.',
  small_screen: 'This screen is small for reading images.',
  failed_check: 'This screen did not pass its test: faint detail may be invisible on it.',
  no_image: 'The image could not be loaded.',
} as const satisfies Record<DisplayNotice, string>;

export interface DisplayFacts {
  /** CSS pixels for one image pixel. */
  zoom: number;
  devicePixelRatio: number;
  windowWidth: number | null;
  /** Of the window that the case opens with. */
  firstWindowWidth: number | null;
  /** Of the whole screen, in CSS pixels. */
  screen: readonly [number, number];
  /** The result of the last test of this screen; null where it was never tested. */
  hasPassedCheck: boolean | null;
}

/** A window of less than this share of the one that the case opened with is narrow. */
const NARROW_SHARE = 0.1;
/** Device pixels; about what a tablet has. */
const FEWEST_SCREEN_PIXELS = 1_000_000;
/** Rounding of a zoom that fits exactly. */
const ROUNDING = 1e-3;

export function displayNotices(facts: DisplayFacts): DisplayNotice[] {
  const { zoom, devicePixelRatio, windowWidth, firstWindowWidth, screen, hasPassedCheck } = facts;
  const isNarrow = windowWidth !== null && firstWindowWidth !== null && windowWidth < firstWindowWidth * NARROW_SHARE;
  // Below 1 the page is zoomed out, which makes no screen smaller: Chromium tells its size as if it were not.
  const screenPixels = screen[0] * screen[1] * Math.max(1, devicePixelRatio) ** 2;
  const found: [DisplayNotice, boolean][] = [
    ['reduced', zoom * devicePixelRatio < 1 - ROUNDING],
    ['narrow_window', isNarrow],
    ['small_screen', screenPixels < FEWEST_SCREEN_PIXELS],
    ['failed_check', hasPassedCheck === false],
  ];
  return found.filter(([, holds]) => holds).map(([notice]) => notice);
}
