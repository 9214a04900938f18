import type { Preferences } from '../../api/types';
import type { ActionDescription } from '../../lib/keymap';

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** For actions by place: the last `count` digits, bare or with Shift. */
export function digitChoices(count: number): string[][] {
  const digits = DIGITS.slice(-count);
  return [digits, digits.map((digit) => `Shift+${digit}`)];
}

/** The action with this key alone; given its own keys again, with those of the list. */
export function withKey(wanted: Preferences, action: ActionDescription, chord: string): Preferences {
  const isDefault = action.keys.length === 1 && action.keys[0] === chord;
  return isDefault ? withoutKeys(wanted, action) : { ...wanted, keys: { ...wanted.keys, [action.id]: [chord] } };
}

export function withoutKeys(wanted: Preferences, action: ActionDescription): Preferences {
  const kept = Object.entries(wanted.keys).filter(([id]) => id !== action.id);
  return { ...wanted, keys: Object.fromEntries(kept) };
}
