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

test('what is set stands in the journal until the disk has it', async () => {
  const store = openKeptStore<number>('journalled');
  const written = store.set('a', 1);
  expect(store.isJournalled('a')).toBe(true);
  expect(await openKeptStore<number>('journalled').get('a')).toBe(1);
  await written;
  expect(store.isJournalled('a')).toBe(false);
  expect(await openKeptStore<number>('journalled').get('a')).toBe(1);
});

test('what another tab sets is heard, and takes the place of what this one had', async () => {
  const store = openKeptStore<number>('shared');
  const heard: unknown[] = [];
  store.hear((key, value) => heard.push([key, value]));
  await store.set('a', 1);
  await openKeptStore<number>('shared').set('a', 2);
  for (const [key, newValue] of [['shared/a', '2'], ['shared/a', null], ['other/a', '3'], [null, null], ['shared/a', '{']] as const) {
    dispatchEvent(new StorageEvent('storage', { key, newValue }));
  }
  expect(heard).toEqual([['a', 2]]);
  expect(await store.get('a')).toBe(2);
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

test('a full disk loses nothing of what the tab has, and what was on it before stays', async () => {
  await openKeptStore<number>('full').set('before', 1);
  const full = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  vi.stubGlobal('localStorage', {
    getItem: () => null,
    setItem: () => {
      throw new DOMException('full', 'QuotaExceededError');
    },
  });
  const store = openKeptStore<number>('full');
  await store.set('a', 2);
  expect(store.isDurable()).toBe(false);
  expect(new Map(await store.all())).toEqual(new Map([['before', 1], ['a', 2]]));
  expect(store.isDurable()).toBe(false); // a full disk can still be read
  full.mockRestore();
  await store.set('a', 3);
  expect(store.isDurable()).toBe(true);
  expect(await openKeptStore<number>('full').get('a')).toBe(3);
});

test('what is gone needs no disk', async () => {
  const full = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  const store = openKeptStore<number>('emptied');
  await store.set('a', 1);
  await store.delete('a');
  expect(store.isDurable()).toBe(true);
  full.mockRestore();
});
