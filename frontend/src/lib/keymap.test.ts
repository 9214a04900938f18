import { describe, expect, test } from 'vitest';
import { actionFor, chordOf, clashes, isTakenBy, wouldScore, type Action, type KeyPress } from './keymap';

const press = (change: Partial<KeyPress>): KeyPress => ({
  key: '',
  code: '',
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...change,
});

describe('chordOf', () => {
  test.each([
    [{ key: '3', code: 'Digit3' }, '3'],
    [{ key: '3', code: 'Numpad3' }, '3'],
    // Without NumLock, or with Shift, the number pad's are the keys of the slices.
    [{ key: 'PageDown', code: 'Numpad3' }, 'PageDown'],
    [{ key: 'End', code: 'Numpad1', shiftKey: true }, 'End'],
    [{ key: '#', code: 'Digit3', shiftKey: true }, 'Shift+3'],
    // French keyboard: the digit row gives signs without Shift.
    [{ key: '"', code: 'Digit3' }, '3'],
    [{ key: 'i', code: 'KeyI' }, 'I'],
    [{ key: 'I', code: 'KeyI', shiftKey: true }, 'I'],
    // Another script: the keys of the list are where they are on a Latin keyboard; German and Turkish letters are Latin.
    [{ key: 'ш', code: 'KeyI' }, 'I'],
    [{ key: 'Ι', code: 'KeyI', shiftKey: true }, 'I'],
    [{ key: 'ן', code: 'KeyI' }, 'I'],
    [{ key: 'z', code: 'KeyY' }, 'Z'],
    [{ key: 'ö', code: 'Semicolon' }, 'Ö'],
    [{ key: ',', code: 'KeyM' }, ','],
    [{ key: '?', code: 'Slash', shiftKey: true }, '?'],
    [{ key: ' ', code: 'Space' }, 'Space'],
    [{ key: 'Tab', code: 'Tab', shiftKey: true }, 'Shift+Tab'],
    [{ key: 'ArrowDown', code: 'ArrowDown' }, 'ArrowDown'],
  ])('%o is %s', (change, chord) => {
    expect(chordOf(press(change))).toBe(chord);
  });

  test.each(['ctrlKey', 'metaKey', 'altKey'] as const)('leaves what goes with %s to the browser', (modifier) => {
    expect(chordOf(press({ key: 'c', code: 'KeyC', [modifier]: true }))).toBeNull();
  });
});

describe('actions', () => {
  const action = (id: string, keys: string[], isAvailable = true): Action => ({
    id,
    label: id,
    keys,
    fixed_keys: [],
    by_place: false,
    icon: '',
    group: '',
    perform: () => undefined,
    isAvailable: () => isAvailable,
  });

  test('finds the action of a chord among those available', () => {
    const actions = [action('off', ['C'], false), action('on', ['C', 'X'])];
    expect(actionFor(actions, 'C')?.id).toBe('on');
    expect(actionFor(actions, 'Y')).toBeNull();
  });

  test('names chords given twice', () => {
    expect(clashes([action('a', ['A', 'B']), action('b', ['B'])])).toEqual(['B']);
  });
});

test('no arrow chooses a level: beyond the last criterion and on a single image they would be the browser\'s', () => {
  document.body.innerHTML = `
    <fieldset data-criterion-index="0"><input type="radio" id="level"><input type="range" id="slider"></fieldset>
    <input type="radio" id="confidence">`;
  const found = ['level', 'slider', 'confidence'].map((id) => wouldScore(document.getElementById(id), 'ArrowDown'));
  expect(found).toEqual([true, true, false]);
  expect(wouldScore(document.getElementById('level'), 'Tab')).toBe(false);
  const moving = ['PageUp', 'PageDown', 'Home', 'End'];
  expect(moving.map((chord) => wouldScore(document.getElementById('slider'), chord))).not.toContain(false);
});

describe('isTakenBy', () => {
  const element = (html: string): Element => {
    document.body.innerHTML = html;
    return document.body.firstElementChild!;
  };

  test('text fields keep all but Escape', () => {
    const field = element('<textarea></textarea>');
    expect(isTakenBy(field, '3')).toBe(true);
    expect(isTakenBy(field, 'Escape')).toBe(false);
  });

  test('buttons keep Enter and Space', () => {
    const button = element('<button></button>');
    expect(isTakenBy(button, 'Enter')).toBe(true);
    expect(isTakenBy(button, '3')).toBe(false);
  });

  test('radio buttons keep nothing: digits score and arrows scroll', () => {
    const radio = element('<input type="radio">');
    expect(['3', 'Space', 'ArrowDown', 'Enter'].map((chord) => isTakenBy(radio, chord))).not.toContain(true);
  });
});
