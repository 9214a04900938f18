import type { IngestResult } from '../../api/types';
import { plural } from '../../lib/format';
import type { UploadState, Uploader } from './uploader';

const ROWS: readonly [Exclude<keyof IngestResult, 'refused'>, string][] = [
  ['studies', 'Studies'],
  ['series', 'Series'],
  ['images', 'Images'],
  ['instances', 'Instances'],
];

const HEADINGS: Partial<Record<UploadState['phase'], string>> = {
  finished: 'Taken in',
  cancelled: 'Cancelled',
  failed: 'Not taken in',
};

/** The closing table, and each refusal with its reason. */
export function UploadOutcome({ uploader }: { uploader: Uploader }) {
  const state = uploader.state.value;
  const result = totalsOf(state.job?.result);
  return (
    <section class="upload-outcome">
      <h2 tabIndex={-1} ref={(heading) => heading?.focus()}>
        {HEADINGS[state.phase]}
      </h2>
      {state.problem && <p role="alert">{state.problem}</p>}
      {state.phase === 'cancelled' && <p>What was taken in before stays. Sending the same files again takes only the rest.</p>}
      {result && <Totals result={result} />}
      {state.refusals.length > 0 && <Refusals state={state} />}
      {state.unsent.length > 0 && <Unsent state={state} />}
      <p class="upload-buttons">
        {state.unsent.length > 0 && (
          <button type="button" class="upload-button" onClick={() => void uploader.retry()}>
            Send {plural(state.unsent.length, 'file', 'files')} again
          </button>
        )}
        <button type="button" class="upload-button" onClick={() => uploader.startAgain()}>
          Add more
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
            New
          </th>
          <th scope="col" class="upload-figure">
            Already there
          </th>
        </tr>
      </thead>
      <tbody>
        {ROWS.map(([key, label]) => (
          <tr key={key}>
            <th scope="row">{label}</th>
            <td class="upload-figure" data-result={key}>{result[key].new}</td>
            <td class="upload-figure" data-known={key}>{result[key].already_there}</td>
          </tr>
        ))}
        <tr>
          <th scope="row">Files refused</th>
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
      <h3>Refused</h3>
      <table data-upload-refusals>
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col">Why</th>
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
      <h3>Could not be sent</h3>
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
