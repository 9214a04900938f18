import { useEffect, useRef } from 'preact/hooks';
import { NOTICE_TEXTS } from '../../lib/displayNotices';
import { t } from '../../lib/i18n';
import { CrossHairs } from '../planes/CrossHairs';
import { OverImage } from '../viewer/OverImage';
import { SliceBar } from '../viewer/SliceBar';
import { SliceReadout, WindowReadout } from '../viewer/readouts';
import { StackViewer } from '../viewer/stackViewer';
import type { Orientation, ViewerState } from '../viewer/viewerState';
import { noticesOf, type Desk, type Pointing } from './desk';
import { FeedbackMarks, SliceWeights } from './FeedbackMarks';
import { FindingMarks } from './FindingMarks';
import { focusCriterion } from './focus';
import { MeasureMarks } from './MeasureMarks';
import { PointingLayer } from './PointingLayer';

/** The picture, what is written over its corners, and what to do where it can't be shown. */
export function ImagePane({ desk }: { desk: Desk }) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!element.current || desk.viewer.value) return;
    const forceCpu = new URLSearchParams(location.search).get('rendering') === 'cpu';
    desk.viewer.value = new StackViewer(element.current, { forceCpu }, desk.preferences.current.value.mouse);
  }, [desk]);
  const [viewer, reading] = [desk.viewer.value, desk.room.onScreen.value];
  return (
    <div class="pane" data-marking={desk.mode.value !== 'nothing'}>
      <div
        ref={element}
        class="pane-image"
        data-viewport
        role="img"
        aria-label={reading?.image.title ?? t('No image')}
        onMouseDown={(event) => {
          // The focus stays with the rubric, so that the next digit scores.
          event.preventDefault();
          if (event.button === 0) focusCriterion(desk.room.criterionIndex.value);
        }}
      />
      {viewer && reading && <OverImage viewer={viewer} reading={reading} hasGraphics={desk.hasGraphics.value} />}
      {viewer && <CrossHairs planes={desk.planes} viewer={viewer} />}
      {viewer && <FindingMarks desk={desk} viewer={viewer} />}
      {viewer && <MeasureMarks desk={desk} viewer={viewer} />}
      {viewer && <PointingLayer desk={desk} viewer={viewer} />}
      {viewer && <Corners desk={desk} state={viewer.state.value} isCpu={viewer.isCpu} />}
      {viewer && <Notices viewer={viewer} />}
      {viewer && <FeedbackMarks desk={desk} viewer={viewer} />}
      {viewer && <SliceBar viewer={viewer} />}
      {viewer && <SliceWeights desk={desk} viewer={viewer} />}
    </div>
  );
}

const POINTING_HINTS = {
  mark: 'Click on the finding, or draw a box around it. Esc to stop.',
  length: 'Draw a line to measure it. M for a region, Esc to stop.',
  region: 'Draw a region for its mean and deviation. Esc to stop.',
} as const satisfies Record<Exclude<Pointing, 'nothing'>, string>;

/** How the image is turned, in words; nothing where it is as it came. */
function orientationText({ rotation, isFlippedHorizontally, isFlippedVertically }: Orientation): string {
  const words = [rotation ? `${rotation}°` : '', isFlippedHorizontally ? t('flipped ↔') : '', isFlippedVertically ? t('flipped ↕') : ''];
  return words.filter(Boolean).join(' ');
}

function Corners({ desk, state, isCpu }: { desk: Desk; state: ViewerState; isCpu: boolean }) {
  const image = desk.room.onScreen.value?.image;
  if (!image || state.status !== 'rendered') return null;
  const notices = noticesOf(state, desk.config, desk.second.current.value ?? window);
  return (
    <div class="corners">
      <p class="corner-top-left">
        {image.title}
        {desk.mode.value !== 'nothing' && <em>{t(POINTING_HINTS[desk.mode.value])}</em>}
      </p>
      <p class="corner-top-right" role="status" data-display-notices={notices.join(' ')}>
        {notices.map((notice) => (
          <span key={notice}>{t(NOTICE_TEXTS[notice])}</span>
        ))}
      </p>
      <p class="corner-bottom-left">
        <SliceReadout state={state} />
      </p>
      <p class="corner-bottom-right">
        <WindowReadout state={state} />
        <span>{Math.round(state.zoom * 100)} %</span>
        {state.isInverted !== image.is_inverted && <span>{t('inverted')}</span>}
        {orientationText(state.orientation) && <span>{orientationText(state.orientation)}</span>}
        {isCpu && <span title={t('This browser offers no WebGL: the picture is right, and drawn more slowly.')}>{t('no WebGL')}</span>}
      </p>
    </div>
  );
}

function Notices({ viewer }: { viewer: StackViewer }) {
  const { status, failedSlice, failureStatus } = viewer.state.value;
  if (status === 'loading') return <p class="pane-notice">{t('Loading the image…')}</p>;
  if (failedSlice === null) return null;
  const what = status === 'failed' ? t('The image could not be loaded.') : t('Slice {number} could not be loaded.', { number: failedSlice + 1 });
  return (
    <div class="pane-notice" role="alert" data-notice="image-failed">
      <p>{what}</p>
      <p>{adviceFor(failureStatus)}</p>
      <button type="button" class="button" onClick={() => void viewer.retry()}>
        {t('Try again')}
      </button>
    </div>
  );
}

function adviceFor(status: number | null): string {
  if (status === 0 || (status !== null && status >= 500)) return t('The network or the server did not answer.');
  if (status === 401 || status === 403) return t('You may have been signed out: try again, and sign in if you are asked to.');
  const goOn = t('Reload the page. If it stays so, say that it cannot be judged, go on, and tell your administrator.');
  if (status === 404) return `${t('The server does not have it any more.')} ${goOn}`;
  return `${t('What the server sent could not be drawn.')} ${goOn}`;
}
