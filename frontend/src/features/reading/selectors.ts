import type { OutboxState } from './outbox';
import { clockTime, plural } from '../../lib/format';

export type SaveState = 'nothing' | 'saved' | 'sending' | 'waiting' | 'sign-in' | 'refused';

export interface SaveStatus {
  state: SaveState;
  text: string;
}

/** What the strip says. "Saved" is only ever said of what the server acknowledged. */
export function saveStatus(outbox: OutboxState, needsSignIn: boolean, isDurable: boolean): SaveStatus {
  const waiting = outbox.waiting.length;
  const where = isDurable ? '' : ', kept in this tab only';
  if (waiting > 0 && (needsSignIn || outbox.status === 'sign_in')) {
    return { state: 'sign-in', text: `Sign in to send ${waiting}${where}` };
  }
  if (waiting > 0 && outbox.status === 'offline') {
    return { state: 'waiting', text: `${waiting} waiting for the network${where}` };
  }
  if (waiting > 0) return { state: 'sending', text: `Sending ${waiting}` };
  if (outbox.refused.length > 0) {
    return { state: 'refused', text: `${plural(outbox.refused.length, 'reading was', 'readings were')} not accepted` };
  }
  if (outbox.savedAt) return { state: 'saved', text: `Saved ${clockTime(outbox.savedAt)}` };
  return { state: 'nothing', text: '' };
}
