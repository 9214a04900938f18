import { formatWindowValue } from '../../lib/windows';
import type { ViewerState } from './viewerState';

/** Which slice is shown, of a stack. */
export function SliceReadout({ state: { sliceIndex, sliceCount } }: { state: ViewerState }) {
  if (sliceCount < 2) return null;
  return (
    <span>
      {sliceIndex + 1} / {sliceCount}
    </span>
  );
}

/** Width and centre of the window, as people of a PACS write them. */
export function WindowReadout({ state: { window } }: { state: ViewerState }) {
  if (!window) return null;
  return (
    <span>
      W {formatWindowValue(window.width, window.width)} L {formatWindowValue(window.center, window.width)}
    </span>
  );
}
