import type { MouseTool, Criterion } from '../../api/types';
import type { Performer } from '../../lib/keymap';
import { scoreAfterDigit, scoreAfterStep } from '../../lib/scale';
import type { Desk, Pointing } from './desk';
import { withNextAbstention, withNextConfidence, withScore } from './draft';
import { focusCriterion, focusNote, isAmongCriteria, leaveForCriterion, settleFocus } from './focus';
import { setFolded } from './folding';
import type { Room } from './room';
import { ofViews } from './viewActions';

/** What each action of the server's list does. */
export function performersOf(desk: Desk): Record<string, Performer> {
  return { ...scoring(desk), ...noting(desk), ...pointing(desk), ...ofTheImage(desk), ...ofSlices(desk), ...ofViews(desk), ...helping(desk) };
}

function scoring(desk: Desk): Record<string, Performer> {
  return {
    score: { perform: (digit) => scoreDigit(desk, digit) },
    abstain: { perform: () => abstain(desk) },
    confidence: { perform: () => desk.room.change(withNextConfidence) },
    'score-up': { perform: () => scoreStep(desk, 1) },
    'score-down': { perform: () => scoreStep(desk, -1) },
    'next-criterion': { perform: () => moveCriterion(desk, 1) },
    'previous-criterion': { perform: () => moveCriterion(desk, -1) },
    submit: { perform: () => (desk.room.reviewed.value ? desk.room.proceed() : submitOrPoint(desk)) },
    undo: { perform: () => desk.room.undo(), isAlways: true },
  };
}

function noting(desk: Desk): Record<string, Performer> {
  const { bookmarks, room, sheet } = desk;
  const assignment = (): string | undefined => room.onScreen.value?.assignment;
  return {
    bookmark: { perform: () => void bookmarks.toggle(assignment()), isPressed: () => bookmarks.has(assignment()) },
    bookmarks: {
      perform: () => {
        sheet.value = 'bookmarks';
      },
      isAlways: true,
    },
    note: {
      perform: () => {
        setFolded(desk, false);
        focusNote();
      },
      isAvailable: () => room.draft.value !== null,
      isPressed: () => (room.draft.value?.comment ?? '') !== '',
    },
  };
}

function pointing(desk: Desk): Record<string, Performer> {
  const { viewer, mode } = desk;
  const isDrawn = (): boolean => viewer.value?.state.value.status === 'rendered';
  const turnTo = (next: Pointing) => {
    mode.value = isDrawn() ? next : 'nothing';
  };
  const tool = (id: MouseTool): Performer => ({
    isPressed: () => mode.value === 'nothing' && viewer.value?.state.value.leftTool === id,
    perform: () => {
      mode.value = 'nothing';
      for (const screen of [viewer.value, desk.comparison.viewer.value]) screen?.setLeftTool(id);
    },
  });
  return {
    window: tool('window'),
    zoom: tool('zoom'),
    pan: tool('pan'),
    scroll: tool('scroll'),
    mark: {
      isAvailable: () => desk.room.draft.value !== null,
      perform: () => turnTo(mode.value === 'mark' ? 'nothing' : 'mark'),
      isPressed: () => mode.value === 'mark',
    },
    measure: {
      perform: () => turnTo(mode.value === 'length' ? 'region' : mode.value === 'region' ? 'nothing' : 'length'),
      isPressed: () => mode.value === 'length' || mode.value === 'region',
    },
    leave: {
      perform: () => {
        mode.value = 'nothing';
        leaveForCriterion(desk.room.criterionIndex.value);
      },
    },
  };
}

function ofTheImage(desk: Desk): Record<string, Performer> {
  const { active, measures, feedback, isFolded } = desk;
  const state = () => active.value?.state.value;
  return {
    invert: { perform: () => active.value?.toggleInvert(), isPressed: () => state()?.isInverted ?? false },
    rotate: { perform: () => active.value?.rotate(), isPressed: () => (state()?.orientation.rotation ?? 0) !== 0 },
    'flip-horizontal': {
      perform: () => active.value?.flipHorizontally(),
      isPressed: () => state()?.orientation.isFlippedHorizontally ?? false,
    },
    'flip-vertical': {
      perform: () => active.value?.flipVertically(),
      isPressed: () => state()?.orientation.isFlippedVertically ?? false,
    },
    reset: {
      perform: () => {
        if (!desk.comparison.isActive.value) {
          measures.value = [];
          desk.planes.showWhole();
        }
        active.value?.fit();
      },
    },
    preset: { perform: (place) => active.value?.applyPreset(place) },
    fold: { perform: () => setFolded(desk, !isFolded.value), isPressed: () => isFolded.value },
    overlay: {
      isAvailable: () => feedback.shown.value !== null,
      isPressed: () => feedback.isOverlaid.value,
      perform: () => {
        feedback.isOverlaid.value = !feedback.isOverlaid.value;
      },
    },
  };
}

function ofSlices({ active }: Desk): Record<string, Performer> {
  const count = (): number => active.value?.state.value.sliceCount ?? 0;
  const isAvailable = (): boolean => count() > 1;
  const by = (steps: number): Performer => ({ isAvailable, perform: () => active.value?.scrollBy(steps) });
  return {
    'slice-next': by(1),
    'slice-previous': by(-1),
    'slice-forward': by(10),
    'slice-back': by(-10),
    'slice-first': { isAvailable, perform: () => void active.value?.scrollTo(0) },
    'slice-last': { isAvailable, perform: () => void active.value?.scrollTo(count() - 1) },
    cine: {
      isAvailable,
      perform: () => active.value?.toggleCine(),
      isPressed: () => active.value?.state.value.isCine ?? false,
    },
  };
}

function helping({ sheet }: Desk): Record<string, Performer> {
  const open = (name: 'help' | 'settings'): Performer => ({
    isAlways: true,
    perform: () => {
      sheet.value = name;
    },
  });
  return { help: open('help'), settings: open('settings') };
}

/** Submits; where something is missing, goes there. */
async function submitOrPoint({ room }: Desk): Promise<void> {
  if (!(await room.submit())) focusCriterion(room.criterionIndex.value);
}

function scoreDigit({ room }: Desk, digit: number): void {
  const [criterion, draft] = [room.criterion.value, room.draft.value];
  if (!criterion || !draft) return;
  setScore(room, criterion, scoreAfterDigit(criterion, draft.scores[criterion.key] ?? null, digit));
}

function abstain({ room, config }: Desk): void {
  const criterion = room.criterion.value;
  const reasons = config.abstention_reasons.map(([reason]) => reason);
  if (criterion) room.change((draft) => withNextAbstention(draft, criterion.key, reasons));
  focusCriterion(room.criterionIndex.value);
}

function scoreStep({ room }: Desk, direction: 1 | -1): void {
  const [criterion, draft] = [room.criterion.value, room.draft.value];
  if (!criterion || !draft) return;
  setScore(room, criterion, scoreAfterStep(criterion, draft.scores[criterion.key] ?? null, direction));
}

/** The focus goes along, so that a screen reader says the new score. */
function setScore(room: Room, criterion: Criterion, score: number | null): void {
  if (score === null) return;
  room.change((before) => withScore(before, criterion.key, score));
  focusCriterion(room.criterionIndex.value);
}

/** To the next criterion; after the last one, and elsewhere, the browser's own key goes on. */
function moveCriterion({ room }: Desk, direction: 1 | -1): boolean | undefined {
  const index = room.criterionIndex.value + direction;
  const count = room.current.value?.rubric.criteria.length ?? 0;
  if (!isAmongCriteria() || index < 0 || index >= count) {
    settleFocus();
    return false;
  }
  room.setCriterion(index);
  focusCriterion(index);
  return undefined;
}
