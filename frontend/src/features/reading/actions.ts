import type { Action } from '../../lib/keymap';
import { scoreAfterDigit, scoreAfterStep } from '../../lib/scale';
import type { DragTool } from '../viewer/tools';
import type { Criterion } from '../../api/types';
import type { Desk } from './desk';
import { withScore } from './draft';
import { focusCriterion, isAmongCriteria } from './focus';
import type { Room } from './room';

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;

/** All that can be done in the reading room: toolbar, keys and the help sheet read this list. */
export function createActions(desk: Desk): Action[] {
  return [...scoringActions(desk), ...toolActions(desk), ...imageActions(desk), ...sliceActions(desk), ...otherActions(desk)];
}

function scoringActions(desk: Desk): Action[] {
  const group = 'Score';
  return [
    { id: 'score', label: 'Score the current criterion', keys: DIGITS, keysText: '0 – 9', group, perform: (chord) => scoreDigit(desk, Number(chord)) },
    { id: 'score-up', label: 'One step up (half levels)', keys: ['+'], group, perform: () => scoreStep(desk, 1) },
    { id: 'score-down', label: 'One step down', keys: ['-'], group, perform: () => scoreStep(desk, -1) },
    { id: 'next-criterion', label: 'Next criterion', keys: ['Tab'], group, perform: () => moveCriterion(desk, 1) },
    { id: 'previous-criterion', label: 'Previous criterion', keys: ['Shift+Tab'], keysText: 'Shift + Tab', group, perform: () => moveCriterion(desk, -1) },
    {
      id: 'submit',
      label: 'Submit, and on to the next case',
      keys: ['Enter'],
      group,
      perform: () => submitOrPoint(desk),
    },
  ];
}

function sliceActions({ viewer }: Desk): Action[] {
  const group = 'Slices';
  const isAvailable = (): boolean => (viewer.value?.state.value.sliceCount ?? 0) > 1;
  const last = (): number => (viewer.value?.state.value.sliceCount ?? 1) - 1;
  const by = (steps: number) => () => viewer.value?.scrollBy(steps);
  return [
    { id: 'slice-next', label: 'Next slice', keys: ['ArrowDown', 'ArrowRight'], keysText: '↓ →', group, isAvailable, perform: by(1) },
    { id: 'slice-previous', label: 'Previous slice', keys: ['ArrowUp', 'ArrowLeft'], keysText: '↑ ←', group, isAvailable, perform: by(-1) },
    { id: 'slice-forward', label: 'Ten slices on', keys: ['PageDown'], keysText: 'PgDn', group, isAvailable, perform: by(10) },
    { id: 'slice-back', label: 'Ten slices back', keys: ['PageUp'], keysText: 'PgUp', group, isAvailable, perform: by(-10) },
    { id: 'slice-first', label: 'First slice', keys: ['Home'], group, isAvailable, perform: () => void viewer.value?.scrollTo(0) },
    { id: 'slice-last', label: 'Last slice', keys: ['End'], group, isAvailable, perform: () => void viewer.value?.scrollTo(last()) },
    {
      id: 'cine',
      label: 'Cine',
      keys: ['C'],
      group,
      icon: 'cine',
      isAvailable,
      isPressed: () => viewer.value?.state.value.isCine ?? false,
      perform: () => viewer.value?.toggleCine(),
    },
  ];
}

function imageActions({ viewer }: Desk): Action[] {
  const group = 'Image';
  const presets = DIGITS.slice(1).map((digit) => `Shift+${digit}`);
  return [
    {
      id: 'invert',
      label: 'Invert',
      keys: ['I'],
      group,
      icon: 'invert',
      isPressed: () => viewer.value?.state.value.isInverted ?? false,
      perform: () => viewer.value?.toggleInvert(),
    },
    { id: 'reset', label: 'Reset window, zoom and place', keys: ['Space'], group, icon: 'reset', perform: () => viewer.value?.fit() },
    {
      id: 'preset',
      label: 'Window preset',
      keys: presets,
      keysText: 'Shift + 1 – 9',
      group,
      perform: (chord) => viewer.value?.applyPreset(Number(chord.slice(-1)) - 1),
    },
  ];
}

function toolActions({ viewer, isMarking }: Desk): Action[] {
  const group = 'Left mouse button';
  const tool = (id: DragTool, label: string, key: string): Action => ({
    id,
    label,
    keys: [key],
    group,
    icon: id,
    isPressed: () => !isMarking.value && viewer.value?.state.value.leftTool === id,
    perform: () => {
      isMarking.value = false;
      viewer.value?.setLeftTool(id);
      return undefined;
    },
  });
  return [tool('window', 'Window', 'W'), tool('zoom', 'Zoom', 'Z'), tool('pan', 'Move', 'P')];
}

function otherActions(desk: Desk): Action[] {
  const { isMarking, isHelpOpen, viewer } = desk;
  return [
    {
      id: 'mark',
      label: 'Mark a finding',
      keys: ['F'],
      group: 'Findings',
      icon: 'mark',
      isPressed: () => isMarking.value,
      perform: () => {
        isMarking.value = !isMarking.value && viewer.value?.state.value.status === 'rendered';
      },
    },
    {
      id: 'leave',
      label: 'Back to the criteria; stop marking',
      keys: ['Escape'],
      keysText: 'Esc',
      group: 'Findings',
      perform: () => {
        isMarking.value = false;
        focusCriterion(desk.room.criterionIndex.value);
      },
    },
    {
      id: 'help',
      label: 'Keys',
      keys: ['?'],
      group: 'Help',
      icon: 'help',
      perform: () => {
        isHelpOpen.value = true;
      },
    },
  ];
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

/** To the next criterion; after the last one, and elsewhere, the browser's own Tab goes on. */
function moveCriterion({ room }: Desk, direction: 1 | -1): boolean | undefined {
  const index = room.criterionIndex.value + direction;
  const count = room.current.value?.rubric.criteria.length ?? 0;
  if (!isAmongCriteria() || index < 0 || index >= count) return false;
  room.setCriterion(index);
  focusCriterion(index);
  return undefined;
}
