import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { t } from '../../lib/i18n';
import { actionFor, chordOf, isTakenBy, performAction, wouldScore, type Action } from '../../lib/keymap';
import { PlanePanes } from '../planes/PlanePane';
import { createActions } from './actions';
import { BookmarkSheet } from './BookmarkSheet';
import { ComparisonPane } from './ComparisonPane';
import type { Desk } from './desk';
import { focusCriterion } from './focus';
import { FeedbackPanel } from './FeedbackPanel';
import { FoldedRubric } from './FoldedRubric';
import { useUnfoldingWithTheScreen } from './folding';
import { HelpSheet } from './HelpSheet';
import { ImagePane } from './ImagePane';
import { Interlude } from './Interlude';
import { overPlanes } from './marking';
import type { RoomPhase } from './room';
import { RubricPanel } from './RubricPanel';
import { writeHere } from './secondWindow';
import { SettingsSheet } from './SettingsSheet';
import { SignInDialog } from './SignInDialog';
import { Toolbar } from './Toolbar';
import { TopBar } from './TopBar';

/** The whole reading page: image, rubric, and the strip above them. */
export function ReadingRoom({ desk }: { desk: Desk }) {
  const preferences = desk.preferences.current.value;
  const actions = useMemo(() => createActions(desk), [desk, preferences]);
  useKeys(actions, desk);
  useFocusOnNewCase(desk);
  useUnfoldingWithTheScreen(desk);
  const phase = desk.room.phase.value;
  return (
    <div class="room" data-phase={phase} data-folded={desk.isFolded.value}>
      <TopBar desk={desk} />
      <main class="room-main">
        <section class="room-image" aria-label={t('Image')} hidden={phase !== 'reading' && phase !== 'feedback'}>
          <Stage desk={desk} actions={actions} />
        </section>
        <Beside desk={desk} />
      </main>
      <HelpSheet actions={actions} desk={desk} />
      <BookmarkSheet desk={desk} />
      <SettingsSheet desk={desk} />
      <SignInDialog desk={desk} />
    </div>
  );
}

/** All that may lie in a window of its own. It moves by itself, being the only thing in its place. */
function Stage({ desk, actions }: { desk: Desk; actions: readonly Action[] }) {
  const isAway = desk.second.current.value !== null;
  const stage = useRef<HTMLDivElement>(null);
  useEffect(() => {
    desk.stage.value = stage.current;
  }, [desk]);
  return (
    <>
      <div class="stage-place">
        <div class="stage" ref={stage}>
          <Toolbar actions={actions} desk={desk} />
          <Panes desk={desk} />
        </div>
      </div>
      {isAway && <Away desk={desk} />}
    </>
  );
}

function Away({ desk }: { desk: Desk }) {
  return (
    <div class="away" data-away>
      <p>{t('The image is in the other window. Its keys work as here.')}</p>
      <button type="button" class="button" onClick={() => desk.second.current.value?.close()}>
        {t('Put it back')}
      </button>
    </div>
  );
}

/** The case, and what lies beside it: its other planes, or what it is compared with. */
function Panes({ desk }: { desk: Desk }) {
  const { comparison, planes, viewer: { value: viewer } } = desk;
  const chooseCase = (): void => {
    comparison.isChosen.value = false;
  };
  return (
    <div class="panes" data-compared={comparison.shown.value !== null}>
      <div class="panes-case" data-active={!comparison.isActive.value} onMouseDownCapture={chooseCase} onWheelCapture={chooseCase}>
        <ImagePane desk={desk} />
      </div>
      {viewer && planes.isShown.value && <PlanePanes planes={planes} viewer={viewer} {...overPlanes(desk, viewer)} />}
      <ComparisonPane desk={desk} />
    </div>
  );
}

/** What lies beside the image, or in its place where there is none. */
function Beside({ desk }: { desk: Desk }) {
  const phase = desk.room.phase.value;
  if (phase === 'reading') return desk.isFolded.value ? <FoldedRubric desk={desk} /> : <RubricPanel desk={desk} />;
  return phase === 'feedback' ? <FeedbackPanel desk={desk} /> : <Interlude desk={desk} />;
}

/** Groups of actions, and single ones, that need no open rubric. */
const OF_THE_IMAGE = new Set(['Mouse', 'Image', 'Slices', 'Views']);
const AFTER_SUBMISSION = new Set(['submit', 'bookmark', 'leave']);

function isOpenNow(action: Action, phase: RoomPhase): boolean {
  if (phase === 'reading' || action.isAlways) return true;
  return phase === 'feedback' && (OF_THE_IMAGE.has(action.group) || AFTER_SUBMISSION.has(action.id));
}

/** What a key that is held down goes on doing; all else is done once. */
const GOES_ON = new Set([
  ...['slice-next', 'slice-previous', 'slice-forward', 'slice-back'],
  ...['score-up', 'score-down', 'next-criterion', 'previous-criterion'],
]);

function useKeys(actions: readonly Action[], desk: Desk): void {
  const other = desk.second.current.value;
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const chord = chordOf(event);
      const isBusy = desk.sheet.value !== null || desk.session.needsSignIn.value;
      const isElsewhere = other !== null && event.view === other;
      // The browser closes a dialog by a key of its own window alone.
      if (isElsewhere && chord === 'Escape') desk.sheet.value = null;
      if (isElsewhere && !isBusy && writeHere(event)) return;
      if (chord === null || isBusy || isTakenBy(event.target, chord) || event.isComposing) return;
      if (wouldScore(event.target, chord)) event.preventDefault();
      const action = actionFor(actions, chord);
      if (!action || !isOpenNow(action, desk.room.phase.value)) return;
      const isDoneAlready = event.repeat && !GOES_ON.has(action.id);
      if (isDoneAlready || performAction(action, chord) !== false) event.preventDefault();
    };
    const windows = other ? [window, other] : [window];
    for (const one of windows) one.addEventListener('keydown', onKey);
    return () => windows.forEach((one) => one.removeEventListener('keydown', onKey));
  }, [actions, desk, other]);
}

function useFocusOnNewCase(desk: Desk): void {
  const assignment = desk.room.draft.value?.assignment;
  useEffect(() => {
    if (assignment && !desk.session.needsSignIn.value) focusCriterion(desk.room.criterionIndex.value);
    // Where the room scrolls, the image comes first all the same: after the focus, which goes by frames too.
    requestAnimationFrame(() => document.querySelector('.room-main')?.scrollTo(0, 0));
  }, [assignment, desk]);
}
