import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Case, OverlayPicture } from '../../api/types';
import { isDrawnAt, overlaysOn, packedBits } from '../../lib/overlays';
import { drawLayers, maskOf, type Colour, type Layer } from './layers';
import type { StackViewer } from './stackViewer';

/** Quiet, and none of the colours of findings, measures or feedback. The image shows through a region of interest. */
const COLOURS: Readonly<Record<OverlayPicture['kind'], Colour>> = { G: [142, 176, 124, 0.85], R: [142, 176, 124, 0.3] };

interface Made {
  of: readonly OverlayPicture[];
  layers: readonly Layer[];
}

const NOTHING: Made = { of: [], layers: [] };

/** The overlay planes that came with the slice on the screen (PS3.3 C.9.2), where they belong on it. */
export function Graphics({ viewer, reading }: { viewer: StackViewer; reading: Case }) {
  const { status, assignment, sliceIndex } = viewer.state.value;
  const isDrawn = status === 'rendered' && assignment === reading.assignment;
  const pictures = useMemo(() => (isDrawn ? overlaysOn(reading.image, sliceIndex) : NOTHING.of), [isDrawn, reading, sliceIndex]);
  const layers = useLayers(pictures);
  const canvas = useRef<HTMLCanvasElement>(null);
  // With each picture drawn, which may have moved the image under them.
  useLayoutEffect(() => {
    if (canvas.current) drawLayers(canvas.current, viewer, layers);
  });
  return pictures.length > 0 ? <canvas ref={canvas} class="marks graphics" aria-hidden="true" data-graphics={pictures.length} /> : null;
}

/** Unpacked for as long as they are wanted; none in the place of others. */
function useLayers(pictures: readonly OverlayPicture[]): readonly Layer[] {
  const [made, setMade] = useState(NOTHING);
  useEffect(() => {
    let isWanted = true;
    const unpack = async (): Promise<void> => {
      const found = await Promise.allSettled(pictures.map(layerOf));
      const layers = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      if (isWanted) setMade({ of: pictures, layers });
    };
    if (pictures.length > 0) void unpack();
    return () => {
      isWanted = false;
    };
  }, [pictures]);
  return made.of === pictures ? made.layers : NOTHING.layers;
}

async function layerOf(picture: OverlayPicture): Promise<Layer> {
  const { left, top, width, height, kind } = picture;
  return { left, top, mask: maskOf(width, height, isDrawnAt(await packedBits(picture)), COLOURS[kind]) };
}
