import { expect, test } from 'vitest';
import { NetworkError } from '../../api/client';
import type { Bookmark } from '../../api/types';
import { FakeServer } from '../../testing/fakes';
import { Bookmarks } from './bookmarks';
import { Session } from './session';

function aBox() {
  const kept = new Map<string, Bookmark>();
  const server = new FakeServer();
  server.on('bookmarks/', () => [...kept.values()]);
  server.on('bookmarks/7/', ({ verb }) => {
    if (verb === 'DELETE') kept.delete('7');
    else kept.set('7', { assignment: '7', title: 'CT', thumbnail_url: null, is_read: false, created_at: '' });
    return null;
  });
  return { server, bookmarks: new Bookmarks(server, new Session(server, '/session/', 'reader1'), '/bookmarks/') };
}

test('B sets the bookmark, and takes it away again', async () => {
  const { bookmarks } = aBox();
  await bookmarks.toggle('7');
  expect(bookmarks.has('7')).toBe(true);
  await bookmarks.toggle('7');
  expect(bookmarks.list.value).toEqual([]);
});

test('a bookmark that could not be stored is not shown as one, and that is said', async () => {
  const { bookmarks, server } = aBox();
  server.on('bookmarks/7/', () => new NetworkError('gone'));
  await bookmarks.toggle('7');
  expect(bookmarks.has('7')).toBe(false);
  expect(bookmarks.problem.value).not.toBe('');
});
