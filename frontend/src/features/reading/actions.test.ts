import { signal, type Signal } from '@preact/signals';
import { beforeEach, expect, test, vi } from 'vitest';
import { aCase, aCriterion } from '../../testing/fakes';
import described from '../../../../annotations/reading_actions.json';
import { actionFor, chordOf, clashes, performAction, type Action, type ActionDescription } from '../../lib/keymap';
import { createActions } from './actions';
import type { Desk } from './desk';
import { newDraft, type Draft } from './draft';
import { performersOf } from './performers';

const viewer = {
  state: signal({ sliceCount: 20, status: 'rendered', isInverted: false, isCine: false, leftTool: 'window' }),
  scrollBy: vi.fn(),
  scrollTo: vi.fn(),
  fit: vi.fn(),
  toggleInvert: vi.fn(),
  toggleCine: vi.fn(),
  applyPreset: vi.fn(),
  setLeftTool: vi.fn(),
  rotate: vi.fn(),
  flipHorizontally: vi.fn(),
  flipVertically: vi.fn(),
};

const criteria = [aCriterion(), aCriterion({ key: 'blur' })];
const room = {
  current: signal(aCase('a', criteria)),
  criterion: signal(criteria[0]),
  criterionIndex: signal(0),
  draft: signal<Draft>(newDraft('a', 0)),
  change: (edit: (draft: Draft) => Draft) => (room.draft.value = edit(room.draft.value)),
  setCriterion: (index: number) => (room.criterionIndex.value = index),
  reviewed: signal<unknown>(null),
  onScreen: signal(aCase('a', criteria)),
  submit: vi.fn(() => Promise.resolve(true)),
  proceed: vi.fn(() => Promise.resolve()),
  undo: vi.fn(() => Promise.resolve()),
};

/** The server's list, with what it leaves out where there is nothing to say. */
const LIST = (described as (Partial<ActionDescription> & Pick<ActionDescription, 'id' | 'label' | 'group' | 'keys'>)[]).map(
  (one): ActionDescription => ({ fixed_keys: [], by_place: false, icon: '', ...one }),
);
const showWhole = vi.fn();
const bookmarks = { toggle: vi.fn(() => Promise.resolve()), has: () => false };
const keys = signal<{ keys: Record<string, string[]> }>({ keys: {} });
const desk = {
  config: { actions: LIST, abstention_reasons: [['too_faulty', ''], ['other', '']] },
  preferences: { current: keys },
  room,
  bookmarks,
  viewer: signal(viewer),
  active: signal(viewer),
  second: { current: signal(null), toggle: vi.fn() },
  stage: signal(null),
  planes: { showWhole },
  comparison: {
    shown: signal<unknown>(null),
    viewer: signal(null),
    isActive: signal(false),
    isChosen: signal(false),
    isLinked: signal(true),
    picture: signal(null),
    open: vi.fn(),
    close: vi.fn(),
  },
  sheet: signal(null),
  mode: signal('nothing'),
  isFolded: signal(false),
  hasGraphics: signal(true),
  measures: signal([{}]),
  feedback: { shown: signal<unknown>(null), isOverlaid: signal(true) },
} as unknown as Desk;
let actions: Action[] = [];

beforeEach(() => {
  vi.clearAllMocks();
  document.body.innerHTML = '';
  keys.value = { keys: {} };
  desk.mode.value = 'nothing';
  room.reviewed.value = null;
  actions = createActions(desk);
});

function press(key: string, code: string, shiftKey = false): unknown {
  const chord = chordOf({ key, code, shiftKey, ctrlKey: false, metaKey: false, altKey: false }) ?? '';
  const action = actionFor(actions, chord);
  return action && performAction(action, chord);
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

test('each action of the list can be done, and nothing else', () => {
  expect(actions.map(({ id }) => id)).toEqual(LIST.map(({ id }) => id));
  expect(Object.keys(performersOf(desk)).sort()).toEqual(LIST.map(({ id }) => id).sort());
});

test('a key that the reader chose takes the place of the one on the list', () => {
  keys.value = { keys: { invert: ['Y'], score: LIST[0]!.keys.map((key) => `Shift+${key}`) } };
  actions = createActions(desk);
  press('i', 'KeyI');
  expect(viewer.toggleInvert).not.toHaveBeenCalled();
  press('y', 'KeyY');
  expect(viewer.toggleInvert).toHaveBeenCalledOnce();
  press('$', 'Digit4', true);
  expect(room.draft.value.scores).toMatchObject({ noise: 4 });
});

test('U, B, N, F, M, R, H and V', () => {
  press('u', 'KeyU');
  expect(room.undo).toHaveBeenCalledOnce();
  press('b', 'KeyB');
  expect(bookmarks.toggle).toHaveBeenCalledWith('a');
  document.body.innerHTML = '<label class="comment"><textarea></textarea></label>';
  press('n', 'KeyN');
  expect(document.activeElement?.tagName).toBe('TEXTAREA');
  press('f', 'KeyF');
  expect(desk.mode.value).toBe('mark');
  press('Escape', 'Escape');
  expect(desk.mode.value).toBe('nothing');
  const modes = [1, 2, 3].map(() => press('m', 'KeyM') ?? desk.mode.value);
  expect(modes).toEqual(['length', 'region', 'nothing']);
  for (const key of ['r', 'h', 'v']) press(key, `Key${key.toUpperCase()}`);
  expect([viewer.rotate, viewer.flipHorizontally, viewer.flipVertically].map((one) => one.mock.calls.length)).toEqual([1, 1, 1]);
});

test('X says that it cannot be judged, then for which other reason; a digit takes it back', () => {
  room.draft.value = newDraft('a', 0);
  press('x', 'KeyX');
  expect(room.draft.value.abstentions).toEqual({ noise: 'too_faulty' });
  press('x', 'KeyX');
  expect(room.draft.value.abstentions).toEqual({ noise: 'other' });
  press('2', 'Digit2');
  expect(room.draft.value).toMatchObject({ scores: { noise: 2 }, abstentions: {} });
  press('x', 'KeyX');
  expect(room.draft.value).toMatchObject({ scores: {}, abstentions: { noise: 'too_faulty' } });
  press('g', 'KeyG');
  expect(room.draft.value.confidence).toBe('low');
});

test('right and left arrows move among the criteria', () => {
  room.criterionIndex.value = 0;
  press('ArrowRight', 'ArrowRight');
  expect(room.criterionIndex.value).toBe(1);
  press('ArrowLeft', 'ArrowLeft');
  expect(room.criterionIndex.value).toBe(0);
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
  ['ArrowUp', -1],
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
  expect(desk.sheet.value).toBe('help');
});

test('Space shows the planes whole and takes measures away where it resets the case, not the image beside it', () => {
  const { isActive } = desk.comparison as unknown as { isActive: Signal<boolean> };
  const measured = [{}] as unknown as typeof desk.measures.value;
  desk.measures.value = measured;
  isActive.value = true;
  press(' ', 'Space');
  expect(showWhole).not.toHaveBeenCalled();
  expect(desk.measures.value).toBe(measured);
  isActive.value = false;
  press(' ', 'Space');
  expect(showWhole).toHaveBeenCalledOnce();
  expect(desk.measures.value).toEqual([]);
  expect(viewer.fit).toHaveBeenCalledTimes(2);
});

test('every action has a label and a group for the help sheet', () => {
  expect(actions.filter((action) => !action.label || !action.group || action.keys.length + action.fixed_keys.length === 0)).toEqual([]);
});

test('Enter goes on from the feedback, and O hides what is drawn over the image', () => {
  room.reviewed.value = {};
  press('Enter', 'Enter');
  expect([room.submit.mock.calls.length, room.proceed.mock.calls.length]).toEqual([0, 1]);
  expect(actions.find(({ id }) => id === 'overlay')?.isAvailable?.()).toBe(false);
  desk.feedback.shown.value = { model_version: 1, criteria: [], slices: [], faults: { seen: [], absent: [] } };
  press('o', 'KeyO');
  expect(desk.feedback.isOverlaid.value).toBe(false);
  desk.feedback.shown.value = null;
});

test('the colon hides the overlays of a case that has any, and shows them again', () => {
  press(':', 'Semicolon', true);
  expect(desk.hasGraphics.value).toBe(true);
  const shown = aCase('a', criteria);
  room.onScreen.value = { ...shown, image: { ...shown.image, overlays: { '1.2': { pictures: [], frames: [] } } } };
  press(':', 'Semicolon', true);
  expect(desk.hasGraphics.value).toBe(false);
  press(':', 'Period', true); // where it lies on a German keyboard
  expect(desk.hasGraphics.value).toBe(true);
  room.onScreen.value = shown;
});

test('E folds the rubric, and N brings it back for the note', () => {
  Object.assign(document.documentElement, { requestFullscreen: () => Promise.reject(new Error('The browser refuses.')) });
  document.body.innerHTML = '<div class="comment"><textarea></textarea></div>';
  press('e', 'KeyE');
  expect(desk.isFolded.value).toBe(true);
  press('n', 'KeyN');
  expect(desk.isFolded.value).toBe(false);
});
