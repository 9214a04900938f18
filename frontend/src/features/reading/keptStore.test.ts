import 'fake-indexeddb/auto';
import { afterEach, expect, test, vi } from 'vitest';
import { openKeptStore } from './keptStore';

afterEach(() => vi.unstubAllGlobals());

test('what is kept is there after a reload', async () => {
  await openKeptStore<number>('reload').set('a', 1);
  const after = openKeptStore<number>('reload');
  expect(await after.get('a')).toBe(1);
  expect(await after.all()).toEqual([['a', 1]]);
  await after.delete('a');
  expect(await openKeptStore<number>('reload').get('a')).toBeNull();
});

test('without a disk the tab keeps it, and says so', async () => {
  vi.stubGlobal('indexedDB', {
    open: () => {
      throw new DOMException('no', 'SecurityError');
    },
  });
  const store = openKeptStore<number>('forbidden');
  await store.set('a', 1);
  expect(await store.get('a')).toBe(1);
  expect(await store.all()).toEqual([['a', 1]]);
  expect(store.isDurable()).toBe(false);
});
