/** How a plane's picture is shown in its pane: enlarged so many times, its middle so many CSS pixels from the pane's. */
export interface PlaneView {
  zoom: number;
  pan: readonly [number, number];
}

/** All of it, in the middle. */
export const WHOLE: PlaneView = { zoom: 1, pan: [0, 0] };
const LEAST_ZOOM = 0.25;
const MOST_ZOOM = 16;

/** What lies at a point (CSS pixels from the pane's middle) stays there. */
export function zoomedAt({ zoom, pan }: PlaneView, factor: number, [x, y]: readonly [number, number]): PlaneView {
  const wanted = within(zoom * factor);
  const grown = wanted / zoom;
  return { zoom: wanted, pan: [x - (x - pan[0]) * grown, y - (y - pan[1]) * grown] };
}

export function movedBy({ zoom, pan }: PlaneView, [x, y]: readonly [number, number]): PlaneView {
  return { zoom, pan: [pan[0] + x, pan[1] + y] };
}

export function isWhole({ zoom, pan }: PlaneView): boolean {
  return zoom === 1 && pan[0] === 0 && pan[1] === 0;
}

/** As it was stored; whole where that makes no sense. */
export function viewFrom(stored: unknown): PlaneView {
  const { zoom, pan } = (stored ?? {}) as { zoom?: unknown; pan?: unknown };
  const [x, y] = Array.isArray(pan) ? (pan as unknown[]) : [];
  if (!isNumber(zoom) || !isNumber(x) || !isNumber(y) || zoom <= 0) return WHOLE;
  return { zoom: within(zoom), pan: [x, y] };
}

function within(zoom: number): number {
  return Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, zoom));
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
