import { useLayoutEffect } from 'preact/hooks';
import type { StackViewer } from '../viewer/stackViewer';
import type { Planes } from './planes';

/** A press that moved less (CSS pixels) is a click; a longer one windows, or whatever the button does. */
const CLICK_PIXELS = 4;

/** Over the slice: where the two other planes go through it. A click on the slice lets them cross there. */
export function CrossHairs({ planes, viewer }: { planes: Planes; viewer: StackViewer }) {
  const isShown = planes.isShown.value;
  useLayoutEffect(() => (isShown ? onClick(viewer.element, (x, y) => crossAt(planes, viewer.imagePointAt(x, y))) : undefined), [isShown, planes, viewer]);
  const { column, row } = planes.crossing.value;
  // Drawn anew with each picture, for the place on the screen moves with it.
  const at = isShown && viewer.state.value.drawn > 0 ? viewer.canvasPointOf(column, row) : null;
  if (!at) return null;
  return (
    <svg class="marks cross" aria-hidden="true" data-crosshairs={`${column},${row}`}>
      <line x1={at[0]} x2={at[0]} y1="0" y2="100%" />
      <line x1="0" x2="100%" y1={at[1]} y2={at[1]} />
    </svg>
  );
}

function crossAt(planes: Planes, place: [number, number] | null): void {
  if (place) planes.cross({ column: place[0], row: place[1] });
}

function onClick(element: HTMLElement, act: (clientX: number, clientY: number) => void): () => void {
  const listening = new AbortController();
  let from: PointerEvent | null = null;
  const listen = (kind: 'pointerdown' | 'pointerup' | 'pointercancel', hear: (event: PointerEvent) => void): void =>
    element.addEventListener(kind, hear, { signal: listening.signal });
  listen('pointerdown', (event) => {
    from = event.button === 0 && event.isPrimary ? event : null;
  });
  listen('pointercancel', () => {
    from = null;
  });
  listen('pointerup', (event) => {
    if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) < CLICK_PIXELS) act(event.clientX, event.clientY);
    from = null;
  });
  return () => listening.abort();
}
