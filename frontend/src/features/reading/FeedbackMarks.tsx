import type { SliceFeedback } from '../../api/types';
import { t } from '../../lib/i18n';
import type { StackViewer } from '../viewer/stackViewer';
import type { Desk } from './desk';
import { keepFocus } from './focus';

type Patch = SliceFeedback['patches'][number];

/** Over the image, after submission: the patches that the model's score was made from, the fuller the more they counted. */
export function FeedbackMarks({ desk, viewer }: { desk: Desk; viewer: StackViewer }) {
  const told = desk.feedback.shown.value;
  if (!told || !desk.feedback.isOverlaid.value) return null;
  const { sliceIndex } = viewer.state.value;
  const shown = told.slices.find(({ slice_index }) => slice_index === sliceIndex);
  return (
    <svg class="marks feedback-marks" aria-hidden="true" data-patches={shown?.patches.length ?? 0}>
      {shown?.patches.map((patch, index) => <PatchShape key={index} viewer={viewer} patch={patch} />)}
    </svg>
  );
}

/** A place of the image lies in the middle of its pixel: the corners of a patch are half a pixel before it. */
function PatchShape({ viewer, patch: { left, top, width, height, opacity } }: { viewer: StackViewer; patch: Patch }) {
  const corners = [
    [left, top],
    [left + width, top],
    [left + width, top + height],
    [left, top + height],
  ].map(([x, y]) => viewer.canvasPointOf((x ?? 0) - 0.5, (y ?? 0) - 0.5));
  if (corners.some((corner) => corner === null)) return null;
  return <polygon points={corners.map((corner) => corner?.join(',')).join(' ')} opacity={opacity} />;
}

/** Beside the bar of slices: how much each counted for the model; a click goes there. */
export function SliceWeights({ desk, viewer }: { desk: Desk; viewer: StackViewer }) {
  const told = desk.feedback.shown.value;
  const { sliceCount } = viewer.state.value;
  if (!told || sliceCount < 2 || told.slices.length === 0) return null;
  const most = Math.max(...told.slices.map(({ weight }) => weight));
  return (
    <div class="slice-weights" role="group" aria-label={t('What each slice counted for the model')} onMouseDown={keepFocus}>
      {told.slices.map(({ slice_index, weight }) => (
        <button
          key={slice_index}
          type="button"
          class="slice-weight"
          data-slice={slice_index}
          style={{ top: `${((slice_index + 0.5) / sliceCount) * 100}%`, width: `${10 + (34 * weight) / most}px` }}
          title={t('Slice {number}: {share} % of the score', { number: slice_index + 1, share: Math.round(100 * weight) })}
          aria-label={t('Slice {number}: {share} % of the score', { number: slice_index + 1, share: Math.round(100 * weight) })}
          onClick={() => void viewer.scrollTo(slice_index)}
        />
      ))}
    </div>
  );
}
