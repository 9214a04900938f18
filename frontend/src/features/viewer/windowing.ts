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

/** Sets the window for the next picture; returns the curve that it is drawn by. */
export function drawWindow(viewport: Types.IStackViewport, preset: WindowPreset, isCpu: boolean): VoiFunction {
  // Without WebGL the library knows straight lines only: curves are drawn as the line that rises where they do.
  if (isCpu) {
    const voi = preset.function === 'LINEAR' ? 'LINEAR' : 'LINEAR_EXACT';
    viewport.setProperties({ voiRange: rangeOf({ ...preset, function: voi }) });
    return voi;
  }
  // The library draws a curve anew only where its kind changes: by way of another kind, what was left of a table goes.
  for (const kind of ['SIGMOID', preset.function] as const) viewport.setProperties({ VOILUTFunction: VOI_FUNCTIONS[kind] });
  viewport.setProperties({ voiRange: rangeOf(preset) });
  if (preset.function === 'TABLE') applyTable(viewport, preset.points);
  return preset.function;
}
