import { Enums, type Types } from '@cornerstonejs/core';
import type { WindowPreset } from '../../api/types';
import { draggedBy, rangeOf, type ValueRange, type VoiFunction } from '../../lib/windows';
import { rescaleOf } from './sliceValues';
import { applyTable, curveOf, type Curve } from './tableWindow';

const VOI_FUNCTIONS: Record<VoiFunction, Enums.VOILUTFunctionType> = {
  LINEAR: Enums.VOILUTFunctionType.LINEAR,
  LINEAR_EXACT: Enums.VOILUTFunctionType.LINEAR_EXACT,
  SIGMOID: Enums.VOILUTFunctionType.SAMPLED_SIGMOID,
  TABLE: Enums.VOILUTFunctionType.LINEAR,
};

/** What draws a curve of points, not of the library's kinds: the library makes it anew where a slice is of another size or type. */
const bent = new WeakMap<Types.IStackViewport, Curve>();

/** Sets the window for the next picture. */
export function drawWindow(viewport: Types.IStackViewport, window: WindowPreset, isCpu: boolean): void {
  const voiRange = rangeOf(window);
  if (isCpu) {
    viewport.setProperties({ voiRange });
    return;
  }
  // The library draws a curve anew only where its kind changes: by way of another kind, what was left of a table goes.
  if (bent.delete(viewport)) viewport.setProperties({ VOILUTFunction: VOI_FUNCTIONS.SIGMOID });
  viewport.setProperties({ VOILUTFunction: VOI_FUNCTIONS[window.function] });
  // And it takes a window for set only where that is another one: else the next slice gets its own header's.
  viewport.setProperties({ voiRange: { ...voiRange, upper: voiRange.upper + 1 } }, true);
  viewport.setProperties({ voiRange });
  if (window.function === 'TABLE') bend(viewport, window, voiRange);
}

/** After the library went to another slice: the window, dragged or not, that it had before. */
export function keepWindow(viewport: Types.IStackViewport, window: WindowPreset, voiRange: ValueRange | undefined, isCpu: boolean): void {
  // Without WebGL the library goes back to the header's window with each slice.
  if (isCpu && voiRange) viewport.setProperties({ voiRange });
  if (!isCpu && voiRange && window.function === 'TABLE' && bent.get(viewport) !== curveOf(viewport)) bend(viewport, window, voiRange);
}

/** Windows as a drag of so many CSS pixels, to the right and downwards, does. */
export function dragWindow(viewport: Types.IStackViewport, voi: VoiFunction, pixels: readonly [number, number]): void {
  const { voiRange } = viewport.getProperties();
  if (!voiRange) return;
  viewport.setProperties({ voiRange: draggedBy(voiRange, voi, spreadOf(viewport.getCornerstoneImage()), pixels) });
  viewport.render();
}

const spreads = new WeakMap<Types.IImage, number>();

/** From an image's lowest value to its highest, in modality units; what its colours can be. */
function spreadOf(image: Types.IImage): number {
  if (image.color) return 255;
  const known = spreads.get(image);
  if (known !== undefined) return known;
  let [lowest, highest] = [Infinity, -Infinity];
  for (const value of image.getPixelData()) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  const spread = (highest - lowest) * Math.abs(rescaleOf(image)[0]);
  spreads.set(image, spread);
  return spread;
}

function bend(viewport: Types.IStackViewport, { points }: WindowPreset, ends: ValueRange): void {
  applyTable(viewport, points, ends);
  bent.set(viewport, curveOf(viewport));
}
