export interface Action {
  id: string;
  label: string;
  /** Chords as `chordOf` names them. */
  keys: readonly string[];
  /** How the help sheet writes the keys, where that is not the list itself. */
  keysText?: string;
  group: string;
  /** Absent from the toolbar unless given. */
  icon?: string;
  /** Returns false to leave the key to the browser. */
  perform: (chord: string) => unknown;
  isPressed?: () => boolean;
  isAvailable?: () => boolean;
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
 * French one the digits are the shifted ones), letters and signs by what is printed on them.
 */
export function chordOf(press: KeyPress): string | null {
  if (press.ctrlKey || press.metaKey || press.altKey) return null;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(press.code)?.[1] ?? (/^\d$/.test(press.key) ? press.key : null);
  if (digit !== null) return press.shiftKey ? `Shift+${digit}` : digit;
  if (press.key === ' ') return 'Space';
  if (press.key === 'Tab') return press.shiftKey ? 'Shift+Tab' : 'Tab';
  return press.key.length === 1 ? press.key.toUpperCase() : press.key;
}

/** The action of a chord among those available now. */
export function actionFor(actions: readonly Action[], chord: string): Action | null {
  return actions.find((action) => action.keys.includes(chord) && (action.isAvailable?.() ?? true)) ?? null;
}

/** Chords that belong to more than one action that may be available at once: always a mistake. */
export function clashes(actions: readonly Action[]): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const chord of actions.flatMap((action) => action.keys)) (seen.has(chord) ? twice : seen).add(chord);
  return [...twice];
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
