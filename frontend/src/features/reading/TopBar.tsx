import { t } from '../../lib/i18n';
import type { Desk } from './desk';
import { saveStatus, undoHint } from './selectors';

/** The strip above: where one is, what is saved, how much is left. */
export function TopBar({ desk }: { desk: Desk }) {
  const { config, room } = desk;
  const counts = room.counts.value;
  return (
    <header class="topbar">
      <a class="topbar-home" href={config.home_url ?? '/'}>
        {t('Home')}
      </a>
      <h1 class="topbar-title">{config.project.name}</h1>
      <SaveStrip desk={desk} />
      {counts && (
        <p class="topbar-counts" data-open-count={counts.open} data-done-count={counts.done}>
          <span>{t('{count} done', { count: counts.done })}</span>
          <span>{t('{count} to read', { count: counts.open })}</span>
        </p>
      )}
      <button type="button" class="button-quiet" onClick={() => (desk.sheet.value = 'help')}>
        {t('Keys')} <kbd>?</kbd>
      </button>
    </header>
  );
}

function SaveStrip({ desk }: { desk: Desk }) {
  const outbox = desk.outbox.state.value;
  const status = saveStatus(outbox, desk.session.needsSignIn.value, desk.isDurable(), desk.room.sync.state.value);
  const refused = outbox.refused[0];
  const said = desk.room.notice.value || desk.bookmarks.problem.value || undoHint(desk, outbox);
  return (
    <div class="savestrip" data-save-state={status.state} data-waiting={outbox.waiting.length}>
      <span role="status">{status.text}</span>
      <span role="status" class="savestrip-hint" data-notice="room">
        {said}
      </span>
      {refused && (
        <span class="savestrip-refusal">
          <span class="savestrip-reason" title={refused.refusal ?? ''}>
            {refused.title}: {refused.refusal}
          </span>
          <button type="button" class="button-quiet" onClick={() => void desk.room.reopen(refused)}>
            {t('Open it again')}
          </button>
          <button
            type="button"
            class="button-quiet"
            onClick={() => void desk.outbox.dismiss(refused.submission.client_key)}
          >
            {t('Put away')}
          </button>
        </span>
      )}
    </div>
  );
}
