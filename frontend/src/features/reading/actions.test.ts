import { signal } from '@preact/signals';
import { beforeEach, expect, test, vi } from 'vitest';
import { aCase, aCriterion } from '../../testing/fakes';
import { actionFor, chordOf, clashes, type Action } from '../../lib/keymap';
import { createActions } from './actions';
import type { Desk } from './desk';
import { newDraft, type Draft } from './draft';

const viewer = {
  state: signal({ sliceCount: 20, status: 'rendered', isInverted: false, isCine: false, leftTool: 'window' }),
  scrollBy: vi.fn(),
  scrollTo: vi.fn(),
  fit: vi.fn(),
  toggleInvert: vi.fn(),
  toggleCine: vi.fn(),
  applyPreset: vi.fn(),
  setLeftTool: vi.fn(),
};

const criteria = [aCriterion(), aCriterion({ key: 'blur' })];
const room = {
  current: signal(aCase('a', criteria)),
  criterion: signal(criteria[0]),
  criterionIndex: signal(0),
  draft: signal<Draft>(newDraft('a', 0)),
  change: (edit: (draft: Draft) => Draft) => (room.draft.value = edit(room.draft.value)),
  setCriterion: (index: number) => (room.criterionIndex.value = index),
  submit: vi.fn(() => Promise.resolve(true)),
};

const desk = { room, viewer: signal(viewer), isHelpOpen: signal(false), isMarking: signal(false) } as unknown as Desk;
let actions: Action[] = [];

beforeEach(() => {
  vi.clearAllMocks();
  document.body.innerHTML = '';
  actions = createActions(desk);
});

function press(key: string, code: string, shiftKey = false): unknown {
  const chord = chordOf({ key, code, shiftKey, ctrlKey: false, metaKey: false, altKey: false }) ?? '';
  return actionFor(actions, chord)?.perform(chord);
}

test('no key means two things', () => {
  expect(clashes(actions)).toEqual([]);
});

test('bare digits score and shifted digits set the window', () => {
  press('4', 'Digit4');
  expect(room.draft.value.scores).toEqual({ noise: 4 });
  press('@', 'Digit2', true);
  expect(viewer.applyPreset).toHaveBeenCalledWith(1);
  expect(room.draft.value.scores).toEqual({ noise: 4 });
});

test('Tab moves among the criteria and leaves them after the last', () => {
  expect(press('Tab', 'Tab')).toBeUndefined();
  expect(room.criterionIndex.value).toBe(1);
  expect(press('Tab', 'Tab')).toBe(false);
  expect(press('Tab', 'Tab', true)).toBeUndefined();
  expect(room.criterionIndex.value).toBe(0);
});

test.each([
  ['ArrowDown', 1],
  ['ArrowRight', 1],
  ['ArrowUp', -1],
  ['ArrowLeft', -1],
  ['PageDown', 10],
  ['PageUp', -10],
])('%s scrolls by %i', (key, steps) => {
  press(key, key);
  expect(viewer.scrollBy).toHaveBeenCalledWith(steps);
});

test('Home, End, Space, I, C, Enter and ? do what the sheet says', () => {
  press('Home', 'Home');
  press('End', 'End');
  expect(viewer.scrollTo.mock.calls).toEqual([[0], [19]]);
  press(' ', 'Space');
  expect(viewer.fit).toHaveBeenCalledOnce();
  press('i', 'KeyI');
  expect(viewer.toggleInvert).toHaveBeenCalledOnce();
  press('c', 'KeyC');
  expect(viewer.toggleCine).toHaveBeenCalledOnce();
  press('Enter', 'Enter');
  expect(room.submit).toHaveBeenCalledOnce();
  press('?', 'Slash', true);
  expect(desk.isHelpOpen.value).toBe(true);
});

test('every action has a label and a group for the help sheet', () => {
  expect(actions.filter((action) => !action.label || !action.group || action.keys.length === 0)).toEqual([]);
});
