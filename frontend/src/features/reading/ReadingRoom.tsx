import { useEffect, useMemo } from 'preact/hooks';
import { actionFor, chordOf, isTakenBy, performAction, type Action } from '../../lib/keymap';
import { createActions } from './actions';
import { BookmarkSheet } from './BookmarkSheet';
import type { Desk } from './desk';
import { focusCriterion } from './focus';
import { HelpSheet } from './HelpSheet';
import { ImagePane } from './ImagePane';
import { Interlude } from './Interlude';
import { RubricPanel } from './RubricPanel';
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
  const isReading = desk.room.phase.value === 'reading';
  return (
    <div class="room" data-phase={desk.room.phase.value}>
      <TopBar desk={desk} />
      <main class="room-main">
        <section class="room-image" aria-label="Image" hidden={!isReading}>
          <Toolbar actions={actions} desk={desk} />
          <ImagePane desk={desk} />
        </section>
        {isReading ? <RubricPanel desk={desk} /> : <Interlude desk={desk} />}
      </main>
      <HelpSheet actions={actions} desk={desk} />
      <BookmarkSheet desk={desk} />
      <SettingsSheet desk={desk} />
      <SignInDialog desk={desk} />
    </div>
  );
}

/** Held down, these would do what nobody means. */
const ONCE = new Set(['submit', 'undo', 'bookmark', 'mark', 'measure']);

function useKeys(actions: readonly Action[], desk: Desk): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const chord = chordOf(event);
      const isBusy = desk.sheet.value !== null || desk.session.needsSignIn.value;
      if (chord === null || isBusy || isTakenBy(event.target, chord) || event.isComposing) return;
      const action = actionFor(actions, chord);
      if (!action || (event.repeat && ONCE.has(action.id))) return;
      if (desk.room.phase.value !== 'reading' && !action.isAlways) return;
      if (performAction(action, chord) !== false) event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [actions, desk]);
}

function useFocusOnNewCase(desk: Desk): void {
  const assignment = desk.room.draft.value?.assignment;
  useEffect(() => {
    if (assignment && !desk.session.needsSignIn.value) focusCriterion(desk.room.criterionIndex.value);
  }, [assignment, desk]);
}
