import type { Types } from '@cornerstonejs/core';
import type { ValueRange } from '../../lib/windows';

export interface Curve {
  removeAllPoints(): void;
  addRGBPoint(value: number, red: number, green: number, blue: number): void;
  setMappingRange(lower: number, upper: number): void;
}

/** Draws by a VOI look-up table (PS3.3 C.11.2.1.1), stretched to these ends, as dragging the window stretches it further. */
export function applyTable(viewport: Types.IStackViewport, points: readonly (readonly [number, number])[], ends: ValueRange): void {
  const curve = curveOf(viewport);
  const isInverted = viewport.getProperties().invert ?? false;
  curve.removeAllPoints();
  for (const [value, output] of points) {
    const shown = isInverted ? 1 - output : output;
    curve.addRGBPoint(value, shown, shown, shown);
  }
  curve.setMappingRange(ends.lower, ends.upper);
}

/** What the picture on the screen is drawn by. */
export function curveOf(viewport: Types.IStackViewport): Curve {
  const actor = viewport.getDefaultActor().actor as unknown as {
    getProperty(): { getRGBTransferFunction(index: number): Curve };
  };
  return actor.getProperty().getRGBTransferFunction(0);
}
