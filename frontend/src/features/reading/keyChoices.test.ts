import { expect, test } from 'vitest';
import type { Preferences } from '../../api/types';
import { digitChoices, withKey } from './keyChoices';

const NONE: Preferences = { keys: {}, mouse: { left: 'window', middle: 'pan', right: 'zoom', wheel: 'scroll' }, hangings: {} };
const INVERT = { id: 'invert', label: 'Invert', group: 'Image', keys: ['I'], fixed_keys: [], by_place: false, icon: '' };

test('a new key is named, and the old one given back is not', () => {
  const changed = withKey(NONE, INVERT, 'X');
  expect(changed.keys).toEqual({ invert: ['X'] });
  expect(withKey(changed, INVERT, 'I').keys).toEqual({});
});

test('digits come bare or with Shift, as many as there are places', () => {
  expect(digitChoices(9)[0]).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
  expect(digitChoices(10)[1]?.[0]).toBe('Shift+0');
});
