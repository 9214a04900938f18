import { clockTime } from '../../lib/format';
import { counted, t } from '../../lib/i18n';
import { keysText } from '../../lib/keymap';
import type { Desk } from './desk';
import type { DraftSyncState } from './draftSync';
import type { OutboxState } from './outbox';

export type SaveState = 'nothing' | 'saved' | 'sending' | 'waiting' | 'sign-in' | 'refused' | 'draft-saved' | 'draft-waiting';

export interface SaveStatus {
  state: SaveState;
  text: string;
}

/** What the strip says. "Saved" is only ever said of what the server acknowledged. */
export function saveStatus(outbox: OutboxState, needsSignIn: boolean, isDurable: boolean, draft: DraftSyncState): SaveStatus {
  const waiting = outbox.waiting.length;
  const where = isDurable ? '' : t(', kept in this tab only');
  if (waiting > 0 && (needsSignIn || outbox.status === 'sign_in')) {
    return { state: 'sign-in', text: t('Sign in to send {count}', { count: waiting }) + where };
  }
  if (waiting > 0 && outbox.status === 'offline') {
    return { state: 'waiting', text: t('{count} waiting for the network', { count: waiting }) + where };
  }
  if (waiting > 0) return { state: 'sending', text: t('Sending {count}', { count: waiting }) };
  if (outbox.refused.length > 0) {
    return { state: 'refused', text: counted(outbox.refused.length, '{count} reading was not accepted', '{count} readings were not accepted') };
  }
  if (draft.status !== 'idle' && needsSignIn) return { state: 'sign-in', text: t('Sign in to send what you scored') };
  if (draft.status === 'offline') {
    const text = isDurable ? t('Draft on this device, waiting for the network') : t('Draft waiting for the network') + where;
    return { state: 'draft-waiting', text };
  }
  if (draft.savedAt) return { state: 'draft-saved', text: t('Draft saved {time}', { time: clockTime(draft.savedAt) }) };
  if (outbox.savedAt) return { state: 'saved', text: t('Saved {time}', { time: clockTime(outbox.savedAt) }) };
  return { state: 'nothing', text: '' };
}

/** Until when the last submission can be opened again, and with which key; empty before the first. */
export function undoHint(desk: Pick<Desk, 'config' | 'preferences' | 'room'>, outbox: OutboxState): string {
  if (desk.room.draft.value?.corrects) return t('This replaces your last submission; until then that one stands.');
  const action = desk.config.actions.find(({ id }) => id === 'undo');
  if (!outbox.savedAt || !action) return '';
  const until = new Date(outbox.savedAt.getTime() + desk.config.undo_seconds * 1000);
  const keys = desk.preferences.current.value.keys.undo ?? action.keys;
  return t('{key} opens it again until {time}', { key: keysText({ ...action, keys }), time: clockTime(until) });
}
