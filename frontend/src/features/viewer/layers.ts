import type { StackViewer } from './stackViewer';

/** Something of the image's own pixels to be drawn over it; `left` and `top` name the image pixel that it begins on. */
export interface Layer {
  left: number;
  top: number;
  mask: HTMLCanvasElement;
}

/** A mask with one pixel for each of the image, in a colour where `isIn` says so and empty elsewhere. */
export function maskOf(width: number, height: number, isIn: (index: number) => boolean, [red, green, blue, alpha]: Colour): HTMLCanvasElement {
  const picture = new ImageData(width, height);
  const colour = new Uint8ClampedArray([red, green, blue, alpha * 255]);
  for (let index = 0; index < width * height; index += 1) if (isIn(index)) picture.data.set(colour, index * 4);
  const mask = Object.assign(document.createElement('canvas'), { width, height });
  mask.getContext('2d')?.putImageData(picture, 0, 0);
  return mask;
}

/** Red, green, blue from 0 to 255, opacity from 0 to 1. */
export type Colour = readonly [number, number, number, number];

/**
 * Draws layers where the viewer draws their pixels, on a canvas that lies over its element. `data-layers` says how many
 * are there.
 */
export function drawLayers(canvas: HTMLCanvasElement, viewer: StackViewer, layers: readonly Layer[]): void {
  const ratio = (canvas.ownerDocument.defaultView ?? window).devicePixelRatio;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d');
  if (!context) return;
  context.resetTransform();
  context.clearRect(0, 0, width, height);
  for (const layer of layers) drawLayer(context, viewer, layer, ratio);
  canvas.dataset.layers = String(layers.length);
}

/** A place of the image lies in the middle of its pixel: the corners of a layer are half a pixel before it. */
function drawLayer(context: CanvasRenderingContext2D, viewer: StackViewer, { left, top, mask }: Layer, ratio: number): void {
  const corner = viewer.canvasPointOf(left - 0.5, top - 0.5);
  const right = viewer.canvasPointOf(left + mask.width - 0.5, top - 0.5);
  const below = viewer.canvasPointOf(left - 0.5, top + mask.height - 0.5);
  if (!corner || !right || !below) return;
  const across = [0, 1].map((axis) => (ratio * ((right[axis] ?? 0) - (corner[axis] ?? 0))) / mask.width);
  const down = [0, 1].map((axis) => (ratio * ((below[axis] ?? 0) - (corner[axis] ?? 0))) / mask.height);
  const [a = 0, b = 0, c = 0, d = 0] = [...across, ...down];
  context.setTransform(a, b, c, d, ratio * corner[0], ratio * corner[1]);
  // Drawn larger, pixels have edges; drawn smaller, thin lines become faint rather than broken.
  context.imageSmoothingEnabled = Math.abs(a * d - b * c) < 1;
  context.imageSmoothingQuality = 'high';
  context.drawImage(mask, 0, 0);
}
