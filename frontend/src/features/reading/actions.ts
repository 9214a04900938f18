import { bindActions, type Action } from '../../lib/keymap';
import type { Desk } from './desk';
import { performersOf } from './performers';

/** All that can be done in the reading room, with the reader's keys: toolbar, keys, help and settings read this list. */
export function createActions(desk: Desk): Action[] {
  return bindActions(desk.config.actions, desk.preferences.current.value.keys, performersOf(desk));
}
