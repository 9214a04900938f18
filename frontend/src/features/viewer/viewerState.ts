import type { Hanging, MouseTool, WindowPreset } from '../../api/types';
import type { KeptWindow } from '../../lib/windows';

export type ViewerStatus = 'empty' | 'loading' | 'rendered' | 'failed';

/** How the image is turned: flipped first, then rotated clockwise by `rotation` degrees. */
export interface Orientation {
  rotation: number;
  isFlippedHorizontally: boolean;
  isFlippedVertically: boolean;
}

/** How a case is to be shown; null leaves it as the case opens. Zoom and pan as in `ViewerState`. */
export interface Presentation {
  sliceIndex: number | null;
  window: KeptWindow | null;
  isInverted: boolean | null;
  orientation: Orientation;
  zoom: number | null;
  pan: [number, number] | null;
}

export const UPRIGHT: Orientation = { rotation: 0, isFlippedHorizontally: false, isFlippedVertically: false };

export function orientationOf(hanging: Hanging): Orientation {
  const { rotation, is_flipped_horizontally: isFlippedHorizontally, is_flipped_vertically: isFlippedVertically } = hanging;
  return { rotation, isFlippedHorizontally, isFlippedVertically };
}

/** What is on the screen now, as of the last drawn picture. */
export interface ViewerState {
  status: ViewerStatus;
  assignment: string | null;
  modality: string;
  sliceIndex: number;
  sliceCount: number;
  /** With its curve, and the name of the preset that gave it; of colours from 0 to 255. */
  window: WindowPreset | null;
  isColour: boolean;
  isInverted: boolean;
  orientation: Orientation;
  /** CSS pixels for one image pixel. */
  zoom: number;
  pan: [number, number];
  isCine: boolean;
  leftTool: MouseTool;
  presets: readonly WindowPreset[];
  /** A slice of this case that could not be loaded, while it is the one wanted. */
  failedSlice: number | null;
  failureStatus: number | null;
  /** Grows with each picture drawn. */
  drawn: number;
}

export const EMPTY_STATE: ViewerState = {
  status: 'empty',
  assignment: null,
  modality: '',
  sliceIndex: 0,
  sliceCount: 0,
  window: null,
  isColour: false,
  isInverted: false,
  orientation: UPRIGHT,
  zoom: 1,
  pan: [0, 0],
  isCine: false,
  leftTool: 'window',
  presets: [],
  failedSlice: null,
  failureStatus: null,
  drawn: 0,
};

/** The state in `data-` attributes, for browser tests to wait on. */
export function describeState(state: ViewerState): Record<string, string> {
  return {
    state: state.status,
    assignment: state.assignment ?? '',
    sliceIndex: String(state.sliceIndex),
    sliceCount: String(state.sliceCount),
    windowCenter: state.window ? trim(state.window.center) : '',
    windowWidth: state.window ? trim(state.window.width) : '',
    inverted: String(state.isInverted),
    rotation: String(state.orientation.rotation),
    flippedHorizontally: String(state.orientation.isFlippedHorizontally),
    flippedVertically: String(state.orientation.isFlippedVertically),
    zoom: trim(state.zoom),
    pan: state.pan.map(trim).join(','),
    cine: String(state.isCine),
    leftTool: state.leftTool,
    drawn: String(state.drawn),
  };
}

function trim(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

/** There is no picture, and another attempt won't bring one: neither the network nor the session is the cause. */
export function isLost({ status, failureStatus }: ViewerState): boolean {
  const isPassing = failureStatus !== null && (failureStatus < 400 || failureStatus >= 500 || [401, 403, 408, 429].includes(failureStatus));
  return status === 'failed' && !isPassing;
}
