/** So long is waited for a page that draws nothing, as a hidden one. */
const LONGEST_WAIT_MS = 100;

/** Resolves when what was just drawn is on the screen, so that what follows takes no time from it. */
export function painted(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, LONGEST_WAIT_MS);
  });
}
