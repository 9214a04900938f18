import { cache, type Types } from '@cornerstonejs/core';
import type { SliceValues } from '../../lib/planes';

/** A decoded grey slice's values in modality units. */
export function valuesOf(image: Types.IImage): SliceValues {
  const pixels = image.getPixelData();
  const { columns, rows } = image;
  const [factor, offset] = rescaleOf(image);
  return { columns, rows, valueAt: (column, row) => (pixels[row * columns + column] ?? 0) * factor + offset };
}

/**
 * Slope and intercept from what was decoded to modality units; most images are in those when they are decoded. Where
 * these have fractions, the library numbers them anew to draw them without WebGL, and its slope is that of the numbers.
 */
export function rescaleOf({ slope, intercept, preScale, voxelManager, getPixelData }: Types.IImage): [number, number] {
  const isNumbered = voxelManager !== undefined && voxelManager.getScalarData() !== getPixelData();
  return preScale?.scaled || isNumbered ? [1, 0] : [slope, intercept];
}

/** Those of a slice that is in memory, else null. */
export function valuesInMemory(imageId: string): SliceValues | null {
  const image = cache.getImage(imageId);
  return image ? valuesOf(image) : null;
}
