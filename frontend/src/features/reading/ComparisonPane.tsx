import { useEffect } from 'preact/hooks';
import { BesidePane } from '../comparison/BesidePane';
import { useLink } from '../comparison/useLink';
import type { Desk } from './desk';
import { focusCriterion } from './focus';
import { hangingBeside } from './hanging';

/** The image that lies beside the case, where there is one. */
export function ComparisonPane({ desk }: { desk: Desk }) {
  return desk.comparison.shown.value ? <OpenPane desk={desk} /> : null;
}

function OpenPane({ desk }: { desk: Desk }) {
  const { comparison } = desk;
  const [viewer, picture] = [comparison.viewer.value, comparison.picture.value];
  const isLinked = comparison.isLinked.value;
  useEffect(() => {
    if (viewer && picture) void viewer.show(picture, hangingBeside(desk, picture));
  }, [viewer, picture]);
  useLink({ main: desk.viewer.value, other: viewer, isOtherActive: comparison.isActive.value, isLinked });
  const choose = (): void => {
    comparison.isChosen.value = true;
  };
  return (
    <BesidePane
      held={comparison.viewer}
      picture={picture}
      caption={comparison.shown.value?.caption ?? ''}
      isLinked={isLinked}
      problem={comparison.problem.value}
      hasGraphics={desk.hasGraphics.value}
      mouse={desk.preferences.current.peek().mouse}
      around={{ 'data-active': comparison.isActive.value, onMouseDownCapture: choose, onWheelCapture: choose }}
      within={{ onMouseDown: (event) => keepFocus(event, desk) }}
    />
  );
}

/** With the rubric, so that the next digit scores. */
function keepFocus(event: MouseEvent, { room }: Desk): void {
  event.preventDefault();
  if (event.button === 0) focusCriterion(room.criterionIndex.value);
}
