import { bytes, duration, plural } from '../../lib/format';
import type { Uploader } from './uploader';

/** How far the sending and then the taking in are. */
export function UploadProgress({ uploader }: { uploader: Uploader }) {
  const state = uploader.state.value;
  const { job } = state;
  const isSending = state.phase === 'sending';
  const sent = `${state.filesSent} of ${plural(state.filesTotal, 'file', 'files')}, ${bytes(state.bytesSent)} of ${bytes(state.bytesTotal)}`;
  const left = job && job.seconds_left !== null ? `, about ${duration(job.seconds_left)} left` : '';
  const taken = job ? `${job.phase || 'Waiting to begin'}${job.total ? `: ${job.done} of ${job.total}` : ''}` : '';
  return (
    <section class="upload-progress" aria-live="polite">
      <h2>{isSending ? 'Sending' : 'Taking in'}</h2>
      <progress
        aria-label={isSending ? 'Sent' : 'Taken in'}
        max={isSending ? state.bytesTotal || 1 : job?.total || 1}
        value={isSending ? state.bytesSent : (job?.done ?? 0)}
      />
      <p>{isSending ? sent : taken + left}</p>
      {state.unsent.length > 0 && <p>{plural(state.unsent.length, 'file', 'files')} could not be sent; the rest go on.</p>}
      <button type="button" class="upload-button" onClick={() => void uploader.cancel()}>
        Cancel
      </button>
    </section>
  );
}
