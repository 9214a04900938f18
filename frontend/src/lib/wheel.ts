/** One notch of a common mouse wheel, in pixels of `WheelEvent.deltaY`. */
const NOTCH_PX = 50;
const LINE_PX = 25;
const PAGE_PX = 400;

export interface WheelTurn {
  /** Whole slices to go, positive for later ones. */
  steps: number;
  /** What is left for the next event: trackpads send many small ones. */
  rest: number;
}

export function wheelTurn(rest: number, deltaY: number, deltaMode: number): WheelTurn {
  const unit = deltaMode === 1 ? LINE_PX : deltaMode === 2 ? PAGE_PX : 1;
  const isTurned = Math.sign(deltaY) !== Math.sign(rest);
  const travelled = (isTurned ? 0 : rest) + deltaY * unit;
  // A wheel's notch is one slice, however far the system says that it went.
  if (Math.abs(deltaY * unit) >= NOTCH_PX) return { steps: Math.sign(deltaY), rest: 0 };
  const steps = Math.trunc(travelled / NOTCH_PX) + 0;
  return { steps, rest: travelled - steps * NOTCH_PX };
}
