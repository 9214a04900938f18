import { bytes, duration } from '../../lib/format';
import { counted, t } from '../../lib/i18n';
import type { UploadState, Uploader } from './uploader';

/** How far the sending and then the taking in are. */
export function UploadProgress({ uploader }: { uploader: Uploader }) {
  const state = uploader.state.value;
  const { job } = state;
  const isSending = state.phase === 'sending';
  const left = job && job.seconds_left !== null ? t(', about {time} left', { time: duration(job.seconds_left) }) : '';
  return (
    <section class="upload-progress" aria-live="polite">
      <h2>{isSending ? t('Sending') : t('Taking in')}</h2>
      <progress
        aria-label={isSending ? t('Sent') : t('Taken in')}
        max={isSending ? state.bytesTotal || 1 : job?.total || 1}
        value={isSending ? state.bytesSent : (job?.done ?? 0)}
      />
      <p>{isSending ? sentText(state) : takenText(job) + left}</p>
      {state.unsent.length > 0 && <p>{counted(state.unsent.length, '{count} file could not be sent; the rest go on.', '{count} files could not be sent; the rest go on.')}</p>}
      <button type="button" class="upload-button" onClick={() => void uploader.cancel()}>
        {t('Cancel')}
      </button>
    </section>
  );
}

function sentText({ filesSent: sent, filesTotal, bytesSent, bytesTotal }: UploadState): string {
  const amounts = { sent, bytes: bytes(bytesSent), total: bytes(bytesTotal) };
  return counted(filesTotal, '{sent} of {count} file, {bytes} of {total}', '{sent} of {count} files, {bytes} of {total}', amounts);
}

function takenText(job: UploadState['job']): string {
  if (!job) return '';
  const phase = job.phase || t('Waiting to begin');
  return job.total ? t('{phase}: {done} of {total}', { phase, done: job.done, total: job.total }) : phase;
}
