import { expect, test } from 'vitest';
import { anEntry } from '../../testing/fakes';
import type { DraftSyncState } from './draftSync';
import type { OutboxState } from './outbox';
import { saveStatus } from './selectors';

const EMPTY: OutboxState = { status: 'idle', waiting: [], refused: [], savedAt: null };
const NO_DRAFT: DraftSyncState = { status: 'idle', savedAt: null };
const AT = new Date(2025, 0, 1, 14, 3);

test.each([
  ['nothing', EMPTY, false, 'nothing', ''],
  ['acknowledged', { ...EMPTY, savedAt: AT }, false, 'saved', 'Saved 14:03'],
  ['under way', { ...EMPTY, status: 'sending', waiting: [anEntry('a')], savedAt: AT }, false, 'sending', 'Sending 1'],
  ['no network', { ...EMPTY, status: 'offline', waiting: [anEntry('a')], savedAt: AT }, false, 'waiting', '1 waiting for the network'],
  ['session ended', { ...EMPTY, status: 'sign_in', waiting: [anEntry('a'), anEntry('b')] }, true, 'sign-in', 'Sign in to send 2'],
  ['refused', { ...EMPTY, refused: [anEntry('a')], savedAt: AT }, false, 'refused', '1 reading was not accepted'],
] as const)('%s', (_, outbox, needsSignIn, state, text) => {
  expect(saveStatus(outbox as OutboxState, needsSignIn, true, NO_DRAFT)).toEqual({ state, text });
});

test('says so where the browser keeps nothing beyond the tab', () => {
  const outbox: OutboxState = { ...EMPTY, status: 'offline', waiting: [anEntry('a')] };
  expect(saveStatus(outbox, false, false, NO_DRAFT).text).toBe('1 waiting for the network, kept in this tab only');
  const draft: DraftSyncState = { status: 'offline', savedAt: null };
  expect(saveStatus(EMPTY, false, false, draft).text).toBe('Draft waiting for the network, kept in this tab only');
});

test.each([
  ['saved later than the last submission', { status: 'idle', savedAt: AT }, false, 'draft-saved', 'Draft saved 14:03'],
  ['no network', { status: 'offline', savedAt: AT }, false, 'draft-waiting', 'Draft on this device, waiting for the network'],
  ['session ended', { status: 'unsent', savedAt: null }, true, 'sign-in', 'Sign in to send what you scored'],
  ['typed just now', { status: 'unsent', savedAt: null }, false, 'saved', 'Saved 14:03'],
] as const)('of the draft: %s', (_, draft, needsSignIn, state, text) => {
  expect(saveStatus({ ...EMPTY, savedAt: AT }, needsSignIn, true, draft)).toEqual({ state, text });
});

test('a reading that waits is said before a draft', () => {
  const outbox: OutboxState = { ...EMPTY, status: 'offline', waiting: [anEntry('a')] };
  expect(saveStatus(outbox, false, true, { status: 'offline', savedAt: null }).state).toBe('waiting');
});
