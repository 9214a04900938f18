import type { Types } from '@cornerstonejs/core';
import { heldInMemory } from './frameLoader';
import { rescaleOf } from './sliceValues';

/** For browser tests, as a property of the element: the values behind the picture, and where they are drawn. */
export function inspectionOf(viewport: Types.IStackViewport, canvasPointOf: (x: number, y: number) => [number, number] | null): unknown {
  const image = viewport.getCornerstoneImage();
  const [origin, right, down] = [canvasPointOf(0, 0), canvasPointOf(1, 0), canvasPointOf(0, 1)];
  const { columns, rows } = image;
  return { pixels: image.getPixelData(), columns, rows, rescale: rescaleOf(image), origin, right, down, held: heldInMemory() };
}
