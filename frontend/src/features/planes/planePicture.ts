import { computed } from '@preact/signals';
import { sizeOf } from '../../lib/loadOrder';
import { drawPlane, heightOf, type Plane } from '../../lib/planes';
import { greyOf, tableOf } from '../../lib/windows';
import { valuesInMemory } from '../viewer/sliceValues';
import type { StackViewer } from '../viewer/stackViewer';
import type { Planes } from './planes';

/**
 * Keeps a canvas showing a plane, one sample for a pixel, in the window that the slices are shown in; once for a picture
 * of the screen at most. Its `data-shows` says what is drawn. Returns the way to stop.
 */
export function paintPlane(canvas: HTMLCanvasElement, plane: Plane, planes: Planes, viewer: StackViewer): () => void {
  const home = canvas.ownerDocument.defaultView ?? window;
  const wanted = computed(() => describe(heightOf(plane.cut, planes.crossing.value), viewer));
  let asked = 0;
  const paint = (): void => {
    asked = 0;
    draw(canvas, plane, planes, viewer);
    canvas.dataset.shows = wanted.peek();
  };
  const stop = wanted.subscribe(() => {
    asked ||= home.requestAnimationFrame(paint);
  });
  return () => {
    stop();
    home.cancelAnimationFrame(asked);
  };
}

/** All that a picture depends on: the row or column, the window, and how many slices are not there yet. */
function describe(at: number, viewer: StackViewer): string {
  const { window, presets, isInverted, sliceCount } = viewer.state.value;
  const missing = sliceCount - sizeOf(viewer.frames.value?.loaded.value ?? []);
  const curve = `${window?.function}${(window && tableOf(window, presets)) ?? ''}`;
  return [at, window?.center, window?.width, curve, isInverted ? 'inverted' : 'plain', missing].join(' ');
}

function draw(canvas: HTMLCanvasElement, plane: Plane, planes: Planes, viewer: StackViewer): void {
  const [window, frames] = [viewer.state.peek().window, viewer.frames.peek()];
  if (!window || !frames) return;
  const there = frames.imageIds.map((imageId) => valuesInMemory(imageId));
  const { horizontal, vertical } = plane;
  const grey = greyOf(window, viewer.state.peek().isInverted);
  const picture = drawPlane(plane, heightOf(plane.cut, planes.crossing.peek()), (slice) => there[slice] ?? null, grey);
  Object.assign(canvas, { width: horizontal.count, height: vertical.count });
  canvas.getContext('2d')?.putImageData(new ImageData(picture, horizontal.count, vertical.count), 0, 0);
}
