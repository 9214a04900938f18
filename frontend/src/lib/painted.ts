/** Resolves when what was just drawn is on the screen, so that what follows takes no time from it; not in a hidden page. */
export function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
