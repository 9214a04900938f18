import { cache, type Types } from '@cornerstonejs/core';
import type { SliceValues } from '../../lib/planes';

/** A decoded grey slice's values in modality units. */
export function valuesOf(image: Types.IImage): SliceValues {
  const pixels = image.getPixelData();
  const { columns, rows, slope, intercept, preScale } = image;
  // Most are brought to modality units when they are decoded.
  const [factor, offset] = preScale?.scaled ? [1, 0] : [slope, intercept];
  return { columns, rows, valueAt: (column, row) => (pixels[row * columns + column] ?? 0) * factor + offset };
}

/** Those of a slice that is in memory, else null. */
export function valuesInMemory(imageId: string): SliceValues | null {
  const image = cache.getImage(imageId);
  return image ? valuesOf(image) : null;
}
