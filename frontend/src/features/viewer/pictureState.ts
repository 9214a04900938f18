import type { CaseImage, PictureState } from '../../api/types';
import { hasOverlays } from '../../lib/overlays';
import { tableOf } from '../../lib/windows';
import type { StackViewer } from './stackViewer';
import { EMPTY_STATE, type ViewerState } from './viewerState';

/** How an image stands on the screen, as it is stored with a Reading. */
export function pictureState(viewer: StackViewer | null, image: CaseImage | undefined, hasGraphics: boolean): PictureState {
  const state = viewer?.state.peek() ?? EMPTY_STATE;
  return {
    slice_index: state.sliceIndex,
    ...windowKept(state),
    zoom: state.zoom,
    pan: state.pan,
    is_inverted: state.isInverted,
    rotation: state.orientation.rotation,
    is_flipped_horizontally: state.orientation.isFlippedHorizontally,
    is_flipped_vertically: state.orientation.isFlippedVertically,
    viewport: [viewer?.element.clientWidth ?? 0, viewer?.element.clientHeight ?? 0],
    ...(hasOverlays(image) && { has_graphics: hasGraphics }),
  };
}

function windowKept({ window, presets }: ViewerState): Partial<PictureState> {
  if (!window) return {};
  const table = tableOf(window, presets);
  return {
    window_center: window.center,
    window_width: window.width,
    window_function: window.function,
    ...(table !== null && { window_table: table }),
  };
}
