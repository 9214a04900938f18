import type { Types } from '@cornerstonejs/core';

type Viewport = Types.IStackViewport;

/** The shown slice's pixels in space; both renderings have these, though the library's types leave them open. */
interface Grid {
  indexToWorld(index: [number, number, number]): ArrayLike<number>;
  worldToIndex(world: Types.Point3): ArrayLike<number>;
  getDimensions(): [number, number, number];
}

function gridOf(viewport: Viewport): Grid | null {
  const image = viewport.getImageData() as { imageData?: unknown } | undefined;
  return (image?.imageData as Grid | undefined) ?? null;
}

/** Where in the element (CSS pixels) the middle of an image pixel is drawn. */
export function imageToCanvas(viewport: Viewport, column: number, row: number): [number, number] | null {
  const grid = gridOf(viewport);
  if (!grid) return null;
  const [worldX = 0, worldY = 0, worldZ = 0] = Array.from(grid.indexToWorld([column, row, 0]));
  const [x, y] = viewport.worldToCanvas([worldX, worldY, worldZ]);
  return [x, y];
}

/** Column and row (with fractions) under a point of the page, or null outside of the image. */
export function canvasToImage(
  viewport: Viewport,
  element: HTMLElement,
  clientX: number,
  clientY: number,
): [number, number] | null {
  const grid = gridOf(viewport);
  if (!grid) return null;
  const box = element.getBoundingClientRect();
  const world = viewport.canvasToWorld([clientX - box.left, clientY - box.top]);
  const [column = -1, row = -1] = Array.from(grid.worldToIndex(world));
  const [columns, rows] = grid.getDimensions();
  const isInside = column >= -0.5 && row >= -0.5 && column <= columns - 0.5 && row <= rows - 0.5;
  return isInside ? [round(column), round(row)] : null;
}

/** CSS pixels for one image pixel, along a row. */
export function pixelSize(viewport: Viewport): number {
  const a = imageToCanvas(viewport, 0, 0);
  const b = imageToCanvas(viewport, 100, 0);
  return a && b ? Math.hypot(b[0] - a[0], b[1] - a[1]) / 100 : 1;
}

/** How far the image's middle is drawn from the element's, in CSS pixels. */
export function centreShift(viewport: Viewport, element: HTMLElement): [number, number] {
  const grid = gridOf(viewport);
  if (!grid) return [0, 0];
  const [columns, rows] = grid.getDimensions();
  const middle = imageToCanvas(viewport, (columns - 1) / 2, (rows - 1) / 2);
  if (!middle) return [0, 0];
  return [round(middle[0] - element.clientWidth / 2), round(middle[1] - element.clientHeight / 2)];
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
