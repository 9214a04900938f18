import { useEffect } from 'preact/hooks';
import type { Desk } from './desk';
import { resume } from './desk';
import { focusHeading } from './focus';
import { counted, t } from '../../lib/i18n';

/** What the room shows when there is no case on the table. */
export function Interlude({ desk }: { desk: Desk }) {
  const { room, outbox, config } = desk;
  const done = room.counts.value?.done ?? 0;
  const waiting = outbox.state.value.waiting.length;
  const phase = room.phase.value;
  useEffect(() => focusHeading('.interlude'), [phase]);
  return (
    <section class="interlude" aria-live="polite" data-interlude={phase}>
      {phase === 'loading' && <p>{t('Opening the next case…')}</p>}
      {phase === 'empty' && <h2 tabIndex={-1}>{t('Nothing to read now. {done} done.', { done })}</h2>}
      {phase === 'offline' && <h2 tabIndex={-1}>{t('The server cannot be reached.')}</h2>}
      {phase === 'failed' && <h2 tabIndex={-1}>{t('The worklist could not be opened.')}</h2>}
      {phase === 'failed' && <p>{room.problem.value}</p>}
      {waiting > 0 && <p>{waitingText(waiting)}</p>}
      {phase === 'empty' && <p>{t('New cases appear here by themselves.')}</p>}
      {phase !== 'loading' && (
        <p class="interlude-links">
          {phase === 'failed' && room.needsDisplayCheck.value && (
            <a class="button" href={config.display_check_url}>
              {t('Test this screen')}
            </a>
          )}
          <a class="button" href={config.home_url ?? '/'}>
            {t('Home')}
          </a>
          <button type="button" class="button-quiet" onClick={() => void resume(desk)}>
            {t('Look again')}
          </button>
        </p>
      )}
    </section>
  );
}

function waitingText(waiting: number): string {
  return counted(
    waiting,
    '{count} of your readings waits on this device and will be sent as soon as it can be done.',
    '{count} of your readings wait on this device and will be sent as soon as it can be done.',
  );
}
