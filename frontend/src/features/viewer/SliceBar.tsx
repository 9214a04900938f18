import { t } from '../../lib/i18n';
import { sizeOf, type Runs } from '../../lib/loadOrder';
import type { StackViewer } from './stackViewer';

const NONE: Runs = [];

/** Which slices are there and which one is shown; a click or a drag goes to one. */
export function SliceBar({ viewer }: { viewer: StackViewer }) {
  const { sliceCount, sliceIndex } = viewer.state.value;
  const loaded = viewer.frames.value?.loaded.value ?? NONE;
  if (sliceCount < 2) return null;
  const go = (event: PointerEvent): void => {
    if (event.buttons !== 1 || !(event.currentTarget instanceof Element)) return;
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientY - box.top) / box.height;
    void viewer.scrollTo(Math.min(sliceCount - 1, Math.max(0, Math.floor(share * sliceCount))));
  };
  return (
    <svg
      class="slicebar"
      viewBox={`0 0 10 ${sliceCount}`}
      preserveAspectRatio="none"
      role="progressbar"
      aria-label={t('Slices loaded')}
      aria-valuemin={0}
      aria-valuemax={sliceCount}
      aria-valuenow={sizeOf(loaded)}
      data-loaded-count={sizeOf(loaded)}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        go(event);
      }}
      onPointerMove={go}
    >
      <rect class="slicebar-track" x="4" width="3" height={sliceCount} />
      {loaded.map(([from, to]) => (
        <rect key={from} class="slicebar-loaded" x="4" width="3" y={from} height={to - from + 1} />
      ))}
      <rect class="slicebar-thumb" x="1" width="9" y={sliceIndex} height="1" />
    </svg>
  );
}
