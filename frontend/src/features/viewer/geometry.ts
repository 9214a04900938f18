import type { Types } from '@cornerstonejs/core';

/** The shown slice's pixels in space; both renderings have these, though the library's types leave them open. */
interface Grid {
  indexToWorld(index: [number, number, number]): ArrayLike<number>;
  worldToIndex(world: Types.Point3): ArrayLike<number>;
  getDimensions(): [number, number, number];
}

/** Where pixels are on the screen. Column 0, row 0 is the middle of the first pixel; the screen is in CSS pixels. */
export class ScreenGeometry {
  /** Without WebGL the library counts from a pixel's corner. */
  private readonly offset: number;

  constructor(
    private readonly viewport: () => Types.IStackViewport,
    private readonly element: HTMLElement,
    isCpu: boolean,
  ) {
    this.offset = isCpu ? 0.5 : 0;
  }

  /** Where in the element the middle of an image pixel is drawn. */
  canvasOf(column: number, row: number): [number, number] | null {
    const grid = this.grid();
    if (!grid) return null;
    const index: [number, number, number] = [column + this.offset, row + this.offset, 0];
    const [worldX = 0, worldY = 0, worldZ = 0] = Array.from(grid.indexToWorld(index));
    const [x, y] = this.viewport().worldToCanvas([worldX, worldY, worldZ]);
    return [x, y];
  }

  /** Column and row (with fractions) under a point of the page, or null outside of the image. */
  imageAt(clientX: number, clientY: number): [number, number] | null {
    const grid = this.grid();
    if (!grid) return null;
    const box = this.element.getBoundingClientRect();
    const world = this.viewport().canvasToWorld([clientX - box.left, clientY - box.top]);
    const [x = NaN, y = NaN] = Array.from(grid.worldToIndex(world));
    const [column, row] = [x - this.offset, y - this.offset];
    const [columns, rows] = grid.getDimensions();
    const isInside = column >= -0.5 && row >= -0.5 && column <= columns - 0.5 && row <= rows - 0.5;
    if (!isInside) return null;
    // The outer half of the first and last pixels belongs to them.
    return [round(Math.min(columns - 1, Math.max(0, column))), round(Math.min(rows - 1, Math.max(0, row)))];
  }

  /** CSS pixels for one image pixel, the way that it is drawn smaller; NaN where nothing is drawn. */
  pixelSize(): number {
    const [origin, right, down] = [this.canvasOf(0, 0), this.canvasOf(100, 0), this.canvasOf(0, 100)];
    if (!origin || !right || !down) return NaN;
    return Math.min(...[right, down].map(([x, y]) => Math.hypot(x - origin[0], y - origin[1]) / 100));
  }

  /** How far the image's middle is drawn from the element's. */
  centreShift(): [number, number] {
    const grid = this.grid();
    if (!grid) return [0, 0];
    const [columns, rows] = grid.getDimensions();
    const middle = this.canvasOf((columns - 1) / 2, (rows - 1) / 2);
    if (!middle) return [0, 0];
    return [round(middle[0] - this.element.clientWidth / 2), round(middle[1] - this.element.clientHeight / 2)];
  }

  private grid(): Grid | null {
    const image = this.viewport().getImageData() as { imageData?: unknown } | undefined;
    return (image?.imageData as Grid | undefined) ?? null;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
