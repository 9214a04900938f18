import { Enums, type Types } from '@cornerstonejs/core';
import type { WindowPreset } from '../../api/types';
import { rangeOf, type VoiFunction } from '../../lib/windows';
import { applyTable } from './tableWindow';

const VOI_FUNCTIONS: Record<VoiFunction, Enums.VOILUTFunctionType> = {
  LINEAR: Enums.VOILUTFunctionType.LINEAR,
  LINEAR_EXACT: Enums.VOILUTFunctionType.LINEAR_EXACT,
  SIGMOID: Enums.VOILUTFunctionType.SAMPLED_SIGMOID,
  TABLE: Enums.VOILUTFunctionType.LINEAR,
};

/** Whose curve is one of points, not of the library's kinds. */
const bent = new WeakSet<Types.IStackViewport>();

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
  if (window.function !== 'TABLE') return;
  applyTable(viewport, window.points, voiRange);
  bent.add(viewport);
}
