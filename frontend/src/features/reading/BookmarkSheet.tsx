import type { Bookmark } from '../../api/types';
import { t } from '../../lib/i18n';
import type { Desk } from './desk';
import { SheetDialog } from './SheetDialog';

/** The reader's bookmarks in this project. */
export function BookmarkSheet({ desk }: { desk: Desk }) {
  const list = desk.bookmarks.list.value;
  return (
    <SheetDialog desk={desk} name="bookmarks" title={t('Bookmarks')}>
      {list.length === 0 && <p>{t('None yet. B marks the case on the screen.')}</p>}
      <ul class="bookmarks">
        {list.map((bookmark) => (
          <BookmarkLine key={bookmark.assignment} desk={desk} bookmark={bookmark} />
        ))}
      </ul>
    </SheetDialog>
  );
}

function BookmarkLine({ desk, bookmark }: { desk: Desk; bookmark: Bookmark }) {
  const isHere = desk.room.onScreen.value?.assignment === bookmark.assignment;
  const state = isHere ? t('on the screen') : bookmark.is_read ? t('read by you') : t('to read');
  return (
    <li data-bookmark={bookmark.assignment}>
      {bookmark.thumbnail_url && <img src={bookmark.thumbnail_url} alt="" width="72" height="72" />}
      <span class="bookmark-title">
        {bookmark.title}
        <span class="bookmark-state">{state}</span>
      </span>
      <button
        type="button"
        class="button-quiet"
        aria-label={t('Remove the bookmark of {title}', { title: bookmark.title })}
        onClick={() => void desk.bookmarks.toggle(bookmark.assignment)}
      >
        ×
      </button>
    </li>
  );
}
