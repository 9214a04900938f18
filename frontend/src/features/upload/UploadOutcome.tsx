import type { IngestResult } from '../../api/types';
import { counted, t } from '../../lib/i18n';
import type { UploadState, Uploader } from './uploader';

const ROWS = [
  ['studies', 'Studies'],
  ['series', 'Series'],
  ['images', 'Images'],
  ['instances', 'Instances'],
] as const satisfies readonly [Exclude<keyof IngestResult, 'refused'>, string][];

const HEADINGS = {
  finished: 'Taken in',
  cancelled: 'Cancelled',
  failed: 'Not taken in',
} as const satisfies Partial<Record<UploadState['phase'], string>>;

type Ending = keyof typeof HEADINGS;

/** The closing table, and each refusal with its reason. */
export function UploadOutcome({ uploader }: { uploader: Uploader }) {
  const state = uploader.state.value;
  const result = totalsOf(state.job?.result);
  return (
    <section class="upload-outcome">
      <h2 tabIndex={-1} ref={(heading) => heading?.focus()}>
        {state.phase in HEADINGS && t(HEADINGS[state.phase as Ending])}
      </h2>
      {state.problem && <p role="alert">{state.problem}</p>}
      {state.phase === 'cancelled' && <p>{t('What was taken in before stays. Sending the same files again takes only the rest.')}</p>}
      {result && <Totals result={result} />}
      {state.refusals.length > 0 && <Refusals state={state} />}
      {state.unsent.length > 0 && <Unsent state={state} />}
      <p class="upload-buttons">
        {state.unsent.length > 0 && (
          <button type="button" class="upload-button" onClick={() => void uploader.retry()}>
            {counted(state.unsent.length, 'Send {count} file again', 'Send {count} files again')}
          </button>
        )}
        <button type="button" class="upload-button" onClick={() => uploader.startAgain()}>
          {t('Add more')}
        </button>
      </p>
    </section>
  );
}

/** A Job that was cancelled or failed has no totals. */
function totalsOf(result: Partial<IngestResult> | null | undefined): IngestResult | null {
  return result?.studies ? (result as IngestResult) : null;
}

function Totals({ result }: { result: IngestResult }) {
  return (
    <table data-upload-result>
      <thead>
        <tr>
          <td />
          <th scope="col" class="upload-figure">
            {t('New')}
          </th>
          <th scope="col" class="upload-figure">
            {t('Already there')}
          </th>
        </tr>
      </thead>
      <tbody>
        {ROWS.map(([key, label]) => (
          <tr key={key}>
            <th scope="row">{t(label)}</th>
            <td class="upload-figure" data-result={key}>{result[key].new}</td>
            <td class="upload-figure" data-known={key}>{result[key].already_there}</td>
          </tr>
        ))}
        <tr>
          <th scope="row">{t('Files refused')}</th>
          <td class="upload-figure" data-result="refused">{result.refused}</td>
          <td />
        </tr>
      </tbody>
    </table>
  );
}

function Refusals({ state }: { state: UploadState }) {
  return (
    <>
      <h3>{t('Refused')}</h3>
      <table data-upload-refusals>
        <thead>
          <tr>
            <th scope="col">{t('File')}</th>
            <th scope="col">{t('Why')}</th>
          </tr>
        </thead>
        <tbody>
          {state.refusals.map((refusal, index) => (
            <tr key={index} data-reason={refusal.reason}>
              <td>{refusal.name}</td>
              <td>{refusal.detail || refusal.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Unsent({ state }: { state: UploadState }) {
  return (
    <>
      <h3>{t('Could not be sent')}</h3>
      <ul data-upload-unsent>
        {state.unsent.map(({ path, reason }) => (
          <li key={path}>
            {path}: {reason}
          </li>
        ))}
      </ul>
    </>
  );
}
