import type { PictureState } from '../../api/types';
import type { Presentation } from '../viewer/viewerState';

/** How an image stood, as it was stored, for the viewer; what an older Reading did not store is left as the case opens. */
export function presentationOf(state: Partial<PictureState>): Presentation {
  const { window_center: center, window_width: width, window_function: voi = 'LINEAR', window_table: table = null } = state;
  return {
    sliceIndex: state.slice_index ?? null,
    window: center === undefined || width === undefined ? null : { center, width, function: voi, table },
    isInverted: state.is_inverted ?? null,
    orientation: {
      rotation: state.rotation ?? 0,
      isFlippedHorizontally: state.is_flipped_horizontally ?? false,
      isFlippedVertically: state.is_flipped_vertically ?? false,
    },
    zoom: state.zoom ?? null,
    pan: state.pan ?? null,
  };
}
