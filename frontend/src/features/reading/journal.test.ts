// @vitest-environment happy-dom
import 'fake-indexeddb/auto';
import { beforeEach, expect, test, vi } from 'vitest';
import { openJournal } from './journal';
import { openKeptStore } from './keptStore';

beforeEach(() => localStorage.clear());

test('what was set is there at once, and for the next page', () => {
  openJournal<number>('drafts').set('a', 3);
  expect(openJournal<number>('drafts').get('a')).toBe(3);
  expect(openJournal<number>('outbox').all()).toEqual([]);
  expect(openJournal<number>('drafts').all()).toEqual([['a', 3]]);
});

test('a damaged entry is passed over', () => {
  localStorage.setItem('drafts/a', '{');
  expect(openJournal<number>('drafts').all()).toEqual([]);
});

test('a page that is gone before IndexedDB has written loses nothing', async () => {
  void openKeptStore<number>('gone').set('a', 4);
  expect(await openKeptStore<number>('gone').get('a')).toBe(4);
});

test('the journal is empty again when IndexedDB has written', async () => {
  const store = openKeptStore<number>('settled');
  await store.set('a', 5);
  expect(localStorage.length).toBe(0);
  expect(await openKeptStore<number>('settled').all()).toEqual([['a', 5]]);
});

test('without local storage IndexedDB alone keeps it', async () => {
  const forbidden = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new Error('denied');
  });
  await openKeptStore<number>('denied').set('a', 6);
  forbidden.mockRestore();
  expect(await openKeptStore<number>('denied').get('a')).toBe(6);
});
