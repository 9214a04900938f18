import { Enums, type Types } from '@cornerstonejs/core';
import type { WindowPreset } from '../../api/types';
import { greyOf, windowOf } from '../../lib/windows';

/** What the library draws by without WebGL. It keeps a picture's greys for as long as the ids stay the same. */
interface Processor {
  image?: Types.IImage;
  viewport: { voiLUT?: Table; modalityLUT?: Table };
}

interface Table {
  id: string;
  firstValueMapped: number;
  lut: ArrayLike<number>;
}

/** The library counts white's bits on what it finds going through a table: here white alone. */
class Greys extends Uint8ClampedArray {
  override *[Symbol.iterator](): ArrayIterator<number> {
    yield 255;
  }
}

/** Every stored value for itself: the library can't look up the fractions of modality units. */
const AS_STORED: Table = {
  id: 'as stored',
  firstValueMapped: -Infinity,
  lut: new Proxy<number[]>([], { get: (_, value) => Number(value) }),
};

let tablesMade = 0;

/**
 * Without WebGL the library knows straight lines and tables alone: a curve is handed to it as a table of the shown slice's
 * values, anew with each window and each slice. `setWindow` is the window that was set last, before a drag.
 */
export function drawCurvesOnProcessor(element: HTMLElement, viewport: () => Types.IStackViewport, setWindow: () => WindowPreset): void {
  element.addEventListener(Enums.Events.VOI_MODIFIED, () => {
    const shown = viewport();
    const { image, viewport: drawing } = (shown as unknown as { _cpuFallbackEnabledElement: Processor })._cpuFallbackEnabledElement;
    const [window, { voiRange }] = [setWindow(), shown.getProperties()];
    const isCurve = window.function === 'SIGMOID' || window.function === 'TABLE';
    if (!isCurve || !image || !voiRange) {
      Object.assign(drawing, { voiLUT: undefined, modalityLUT: undefined });
      return;
    }
    const voiLUT = tableFor(image, { ...window, ...windowOf(voiRange, window.function) });
    Object.assign(drawing, { voiLUT, modalityLUT: image.isPreScaled ? undefined : AS_STORED });
  });
}

function tableFor({ minPixelValue, maxPixelValue, isPreScaled, slope, intercept }: Types.IImage, window: WindowPreset): Table {
  const grey = greyOf(window, false);
  const lut = new Greys(maxPixelValue - minPixelValue + 1);
  for (let index = 0; index < lut.length; index++) {
    const stored = minPixelValue + index;
    lut[index] = grey(isPreScaled ? stored : stored * slope + intercept);
  }
  return { id: `curve ${++tablesMade}`, firstValueMapped: minPixelValue, lut };
}
