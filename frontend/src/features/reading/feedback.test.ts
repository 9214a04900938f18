import { expect, test, vi } from 'vitest';
import { ApiError, NetworkError } from '../../api/client';
import type { Feedback } from '../../api/types';
import { FeedbackStore } from './feedback';

const TOLD: Feedback = { model_version: 3, criteria: [], slices: [], faults: { seen: [], absent: [] } };

function aStore(get = vi.fn(() => Promise.resolve(TOLD))) {
  const session = { during: <T>(ask: () => Promise<T>) => ask() };
  return { get, store: new FeedbackStore({ get: get as never }, session, (assignment) => `/${assignment}/feedback/`) };
}

test('feedback is asked for when the server has the reading, and not before', async () => {
  const { store, get } = aStore();
  store.expect('a');
  expect([get.mock.calls.length, store.status.value]).toEqual([0, 'waiting']);
  await store.arrived('a');
  expect(get).toHaveBeenCalledExactlyOnceWith('/a/feedback/');
  expect([store.status.value, store.shown.value]).toEqual(['shown', TOLD]);
});

test('feedback on a case that is gone is dropped', async () => {
  const { store, get } = aStore();
  store.expect('a');
  const asked = store.arrived('a');
  store.expect('b');
  await asked;
  expect([store.status.value, store.shown.value]).toEqual(['waiting', null]);
  await store.arrived('a');
  expect(get).toHaveBeenCalledTimes(1);
});

test('a refusal means that there is none; a network that fails can be tried again', async () => {
  const get = vi.fn().mockRejectedValueOnce(new NetworkError('gone')).mockRejectedValueOnce(new ApiError(409, 'no_feedback', 'none'));
  const { store } = aStore(get);
  store.expect('a');
  await store.arrived('a');
  expect(store.status.value).toBe('failed');
  await store.retry();
  expect([store.status.value, store.shown.value]).toEqual(['none', null]);
});
