import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../../lib/i18n';
import { Graphics } from '../viewer/Graphics';
import { Padding } from '../viewer/Padding';
import { SliceBar } from '../viewer/SliceBar';
import { SliceLetters } from '../viewer/SliceLetters';
import { linkViewers } from '../viewer/linking';
import { SliceReadout, WindowReadout } from '../viewer/readouts';
import { StackViewer } from '../viewer/stackViewer';
import type { Desk } from './desk';
import { focusCriterion } from './focus';
import { hangingBeside } from './hanging';

/** The image that lies beside the case, where there is one. */
export function ComparisonPane({ desk }: { desk: Desk }) {
  return desk.comparison.shown.value ? <OpenPane desk={desk} /> : null;
}

function OpenPane({ desk }: { desk: Desk }) {
  const { comparison } = desk;
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!element.current) return undefined;
    const viewer = new StackViewer(element.current, { forceCpu: false }, desk.preferences.current.peek().mouse);
    comparison.viewer.value = viewer;
    return () => {
      comparison.viewer.value = null;
      viewer.dispose();
    };
  }, [comparison, desk]);
  const [viewer, picture] = [comparison.viewer.value, comparison.picture.value];
  useEffect(() => {
    if (viewer && picture) void viewer.show(picture, hangingBeside(desk, picture));
  }, [viewer, picture]);
  useLink(desk);
  return (
    <section
      class="pane comparison"
      aria-label={t('Comparison')}
      data-active={comparison.isActive.value}
      onMouseDownCapture={() => (comparison.isChosen.value = true)}
      onWheelCapture={() => (comparison.isChosen.value = true)}
    >
      <div
        ref={element}
        class="pane-image"
        data-comparison
        role="img"
        aria-label={comparison.shown.value?.caption ?? ''}
        onMouseDown={(event) => {
          event.preventDefault();
          if (event.button === 0) focusCriterion(desk.room.criterionIndex.value);
        }}
      />
      {viewer && picture && <Padding viewer={viewer} reading={picture} />}
      {viewer && picture && desk.hasGraphics.value && <Graphics viewer={viewer} reading={picture} />}
      {viewer && picture && <SliceLetters viewer={viewer} reading={picture} />}
      <Captions desk={desk} />
      {viewer && <SliceBar viewer={viewer} />}
    </section>
  );
}

/** The pane that is not in use goes along with the one that is. */
function useLink({ comparison, viewer }: Desk): void {
  const [main, other, isActive, isLinked] = [viewer.value, comparison.viewer.value, comparison.isActive.value, comparison.isLinked.value];
  // Before the next key, not after the next picture.
  useLayoutEffect(() => {
    if (!main || !other || !isLinked) return undefined;
    return isActive ? linkViewers(other, main) : linkViewers(main, other);
  }, [main, other, isActive, isLinked]);
}

function Captions({ desk: { comparison } }: { desk: Desk }) {
  const state = comparison.viewer.value?.state.value;
  const isFailed = comparison.problem.value !== '' || state?.status === 'failed';
  return (
    <div class="corners">
      <p class="corner-top-left">
        <strong>{comparison.shown.value?.caption}</strong>
        {comparison.isLinked.value ? t('moves along') : t('moves by itself')}
      </p>
      <p class="corner-bottom-left">{state && <SliceReadout state={state} />}</p>
      <p class="corner-bottom-right">{state && <WindowReadout state={state} />}</p>
      {isFailed && (
        <p class="pane-notice" role="alert">
          {t('This image could not be loaded.')} {comparison.problem.value}
        </p>
      )}
    </div>
  );
}
