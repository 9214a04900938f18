import { t } from './i18n';

/** One thing that can be done, as the server's list has it. */
export interface ActionDescription {
  id: string;
  label: string;
  group: string;
  /** Chords as `chordOf` names them, which a reader may change. */
  keys: readonly string[];
  /** Keys that stay what they are. */
  fixed_keys: readonly string[];
  /** The n-th key does the n-th thing of its kind: digits, presets. */
  by_place: boolean;
  /** Empty where the toolbar has no button for it. */
  icon: string;
}

export interface Performer {
  /** Gets the place of the pressed key in the action's list. Returns false to leave the key to the browser. */
  perform: (place: number) => unknown;
  isPressed?: () => boolean;
  isAvailable?: () => boolean;
  /** Works without a case on the table as well. */
  isAlways?: boolean;
}

export type Action = ActionDescription & Performer;

/** The list with the keys that the reader chose and with what each action does; what nobody can do is left out. */
export function bindActions(
  descriptions: readonly ActionDescription[],
  chosen: Readonly<Record<string, readonly string[]>>,
  performers: Readonly<Record<string, Performer>>,
): Action[] {
  return descriptions.flatMap((description) => {
    const performer = performers[description.id];
    return performer ? [{ ...description, keys: chosen[description.id] ?? description.keys, ...performer }] : [];
  });
}

const SIGNS: Record<string, string> = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→' };
/** What is printed on the keys differs from one country's keyboards to another's. */
const KEY_NAMES = {
  PageUp: 'PgUp',
  PageDown: 'PgDn',
  Home: 'Home [key]',
  End: 'End [key]',
  Escape: 'Esc',
  Space: 'Space',
  Enter: 'Enter',
  Shift: 'Shift',
} as const;

/** A chord as it is written for people. */
export function chordText(chord: string): string {
  return chord === '+' ? chord : chord.split('+').map(keyText).join(' + ');
}

function keyText(key: string): string {
  return key in KEY_NAMES ? t(KEY_NAMES[key as keyof typeof KEY_NAMES]) : (SIGNS[key] ?? key);
}

/** The keys of an action as they are written for people. */
export function keysText(action: Pick<ActionDescription, 'keys' | 'fixed_keys' | 'by_place'>): string {
  const [first, last] = [action.keys[0], action.keys.at(-1)];
  if (action.by_place && first && last) return `${chordText(first)} – ${last.slice(-1)}`;
  return [...action.fixed_keys, ...action.keys].map(chordText).join('  ');
}

export interface KeyPress {
  key: string;
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/**
 * The name of a key press, or null where it is the browser's. Digits go by their place on the keyboard (on a
 * French one the digits are the shifted ones), letters and signs by what is printed on them, but letters of another script
 * than the Latin (Greek, Cyrillic, Hebrew) by their place as well; the number pad goes by what it gives, which without
 * NumLock are the keys of the slices.
 */
export function chordOf(press: KeyPress): string | null {
  if (press.ctrlKey || press.metaKey || press.altKey) return null;
  const digit = /^Digit(\d)$/.exec(press.code)?.[1] ?? (/^\d$/.test(press.key) ? press.key : null);
  if (digit !== null) return press.shiftKey ? `Shift+${digit}` : digit;
  if (press.key === ' ') return 'Space';
  if (press.key === 'Tab') return press.shiftKey ? 'Shift+Tab' : 'Tab';
  return press.key.length === 1 ? letterOf(press) : press.key;
}

function letterOf({ key, code }: KeyPress): string {
  const place = IN_ANOTHER_SCRIPT.test(key) && /^Key([A-Z])$/.exec(code)?.[1];
  return place || key.toUpperCase();
}

const IN_ANOTHER_SCRIPT = /(?=\p{Letter})\P{Script=Latin}/u;

function allKeys(action: ActionDescription): string[] {
  return [...action.keys, ...action.fixed_keys];
}

/** The action of a chord among those available now. */
export function actionFor(actions: readonly Action[], chord: string): Action | null {
  return actions.find((action) => allKeys(action).includes(chord) && (action.isAvailable?.() ?? true)) ?? null;
}

/** Does it; returns false where the key is the browser's after all. */
export function performAction(action: Action, chord: string): unknown {
  return action.perform(Math.max(0, action.keys.indexOf(chord)));
}

/** Chords that belong to more than one action that may be available at once: always a mistake. */
export function clashes(actions: readonly ActionDescription[]): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const chord of actions.flatMap(allKeys)) (seen.has(chord) ? twice : seen).add(chord);
  return [...twice];
}

/** The browser's own keys for choosing a level. */
const CHOOSING_KEYS: Record<string, RegExp> = { radio: /^Arrow/, range: /^(Arrow|Page|Home$|End$)/ };

/** Whether the browser would choose another level by this key: all of them are the criteria's and the slices'. */
export function wouldScore(target: EventTarget | null, chord: string): boolean {
  if (!(target instanceof HTMLInputElement) || !CHOOSING_KEYS[target.type]?.test(chord)) return false;
  return target.closest('[data-criterion-index]') !== null;
}

const TEXT_INPUTS = new Set(['text', 'search', 'password', 'number', 'email', 'url']);

/** Whether the focused element needs this key for itself. */
export function isTakenBy(target: EventTarget | null, chord: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) {
    return chord !== 'Escape';
  }
  if (target instanceof HTMLInputElement && TEXT_INPUTS.has(target.type)) return chord !== 'Escape';
  const isPressable = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
  return isPressable && (chord === 'Enter' || chord === 'Space');
}
