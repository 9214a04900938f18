import { expect, test } from 'vitest';
import { anEntry } from '../../testing/fakes';
import type { OutboxState } from './outbox';
import { saveStatus } from './selectors';

const EMPTY: OutboxState = { status: 'idle', waiting: [], refused: [], savedAt: null };
const AT = new Date(2025, 0, 1, 14, 3);

test.each([
  ['nothing', EMPTY, false, 'nothing', ''],
  ['acknowledged', { ...EMPTY, savedAt: AT }, false, 'saved', 'Saved 14:03'],
  ['under way', { ...EMPTY, status: 'sending', waiting: [anEntry('a')], savedAt: AT }, false, 'sending', 'Sending 1'],
  ['no network', { ...EMPTY, status: 'offline', waiting: [anEntry('a')], savedAt: AT }, false, 'waiting', '1 waiting for the network'],
  ['session ended', { ...EMPTY, status: 'sign_in', waiting: [anEntry('a'), anEntry('b')] }, true, 'sign-in', 'Sign in to send 2'],
  ['refused', { ...EMPTY, refused: [anEntry('a')], savedAt: AT }, false, 'refused', '1 reading was not accepted'],
] as const)('%s', (_, outbox, needsSignIn, state, text) => {
  expect(saveStatus(outbox as OutboxState, needsSignIn, true)).toEqual({ state, text });
});

test('says so where the browser keeps nothing beyond the tab', () => {
  const outbox: OutboxState = { ...EMPTY, status: 'offline', waiting: [anEntry('a')] };
  expect(saveStatus(outbox, false, false).text).toBe('1 waiting for the network, kept in this tab only');
});
