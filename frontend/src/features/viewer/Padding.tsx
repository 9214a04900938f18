import { cache, type Types } from '@cornerstonejs/core';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Case, CaseFrame } from '../../api/types';
import { paddingRange, type Scaling } from '../../lib/padding';
import { greyOf } from '../../lib/windows';
import { drawLayers, maskOf, type Colour, type Layer } from './layers';
import { imageIdOf, metadataOf } from './metadata';
import type { StackViewer } from './stackViewer';

type Range = readonly [number, number];

const BLACK: Colour = [0, 0, 0, 1];
const VALUE = '00280120';
const LIMIT = '00280121';
const REPRESENTATION = '00280103';

/**
 * Black over what is no image, whatever window and inversion make of it: white there would glare. The values, which
 * are measured and windowed, stay as they are.
 */
export function Padding({ viewer, reading }: { viewer: StackViewer; reading: Case }) {
  const { status, assignment, sliceIndex } = viewer.state.value;
  const frame = status === 'rendered' && assignment === reading.assignment ? reading.image.frames[sliceIndex] : undefined;
  const range = useMemo(() => (frame ? rangeOf(reading, frame) : null), [reading, frame]);
  const isSeen = range !== null && isBright(range, viewer);
  const layer = useMemo(() => (frame && range && isSeen ? layerOf(frame, range) : null), [frame, range, isSeen]);
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (canvas.current && layer) drawLayers(canvas.current, viewer, [layer]);
  });
  return layer ? <canvas ref={canvas} class="marks" aria-hidden="true" data-padding /> : null;
}

function rangeOf(reading: Case, frame: CaseFrame): Range | null {
  const metadata = metadataOf(reading, frame);
  const image = metadata[VALUE] && cache.getImage(imageIdOf(frame));
  if (!image || image.color) return null;
  const scaling = scalingOf(image, image.getPixelData() instanceof Float32Array);
  return paddingRange(metadata[VALUE], metadata[LIMIT], metadata[REPRESENTATION]?.Value?.[0] === 0, scaling);
}

/** What is black by itself is left alone: scattered values that are the padding's too keep their smooth neighbourhood. */
function isBright(range: Range, viewer: StackViewer): boolean {
  const window = viewer.state.peek().window;
  const grey = window && greyOf(window, viewer.state.value.isInverted);
  return grey !== null && range.some((end) => grey(end) >= 1);
}

function layerOf(frame: CaseFrame, [low, high]: Range): Layer | null {
  const image = cache.getImage(imageIdOf(frame));
  if (!image) return null;
  const pixels = image.getPixelData();
  const isPadding = (index: number): boolean => low <= (pixels[index] ?? NaN) && (pixels[index] ?? NaN) <= high;
  return { left: 0, top: 0, mask: maskOf(image.columns, image.rows, isPadding, BLACK) };
}

/** Most are brought to modality units when they are decoded. */
function scalingOf({ preScale }: Types.IImage, hasFractions: boolean): Scaling {
  const { rescaleSlope = 1, rescaleIntercept = 0 } = (preScale?.scaled && preScale.scalingParameters) || {};
  return { slope: rescaleSlope, intercept: rescaleIntercept, isWhole: !hasFractions };
}
