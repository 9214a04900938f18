import { expect, test } from 'vitest';
import { ApiError, NetworkError } from '../../api/client';
import type { Preferences } from '../../api/types';
import { AS_IT_COMES } from '../../lib/hanging';
import { FakeServer } from '../../testing/fakes';
import { PreferenceStore } from './preferences';
import { Session } from './session';

const FIRST: Preferences = { keys: {}, mouse: { left: 'window', middle: 'pan', right: 'zoom', wheel: 'scroll' }, hangings: {} };
const KEPT = { CT: { ...AS_IT_COMES, layout: 'planes' as const } };

function aStore(answer: () => unknown) {
  const server = new FakeServer().on('preferences/', answer);
  return new PreferenceStore(server, new Session(server, '/session/', 'reader1'), '/preferences/', FIRST);
}

test('what is stored holds before the server has answered: the next case may open first', async () => {
  let answer: (stored: Preferences) => void = () => undefined;
  const answered = new Promise<Preferences>((resolve) => (answer = resolve));
  const store = aStore(() => answered);
  const saved = store.save({ hangings: KEPT });
  expect(store.current.value).toEqual({ ...FIRST, hangings: KEPT });
  answer({ ...FIRST, hangings: KEPT });
  expect(await saved).toBeNull();
  expect(store.current.value.hangings).toEqual(KEPT);
});

test.each<[Error, string]>([
  [new ApiError(400, 'invalid', 'Two actions have one key.'), 'Two actions have one key.'],
  [new NetworkError('gone'), 'The server could not be reached. Nothing was stored.'],
])('what is refused, or not heard of, is taken back and the reason said', async (refusal, reason) => {
  const store = aStore(() => refusal);
  expect(await store.save({ hangings: KEPT })).toBe(reason);
  expect(store.current.value).toEqual(FIRST);
});
