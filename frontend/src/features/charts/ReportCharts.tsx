import type { ComponentChildren } from 'preact';
import type { JobState } from '../../api/types';
import { duration } from '../../lib/format';
import { t } from '../../lib/i18n';
import { Calibration } from './Calibration';
import { LossCurve } from './LossCurve';
import type { CriterionReport, LossPoint, ReportConfig } from './reportConfig';
import type { RunProgress } from './runProgress';
import { Scatter } from './Scatter';

const WORDS = {
  staged: 'Being prepared',
  queued: 'Waiting for a worker',
  running: 'Running',
  succeeded: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
} as const satisfies Record<JobState, string>;

/** The charts of a run's report, and its progress while it goes on. */
export function ReportCharts({ config, run }: { config: ReportConfig; run: RunProgress | null }) {
  const live = run?.progress.value?.loss_history ?? [];
  const history = live.length > 0 ? live.map(([, step, value]): LossPoint => [step, value]) : config.loss;
  const loss = history.length > 0 && (
    <Figure caption={t('Error during training')}>
      <LossCurve history={history} />
    </Figure>
  );
  // Beside the only criterion's charts; with several it is nobody's own, and comes after them.
  const isBeside = config.criteria.length === 1;
  return (
    <div class="report">
      {run && <Progress run={run} />}
      {config.criteria.length > 0 && <Legend />}
      {config.criteria.map((report) => (
        <CriterionCharts key={report.criterion.key} report={report}>
          {isBeside && loss}
        </CriterionCharts>
      ))}
      {!isBeside && loss && <div class="report-charts">{loss}</div>}
    </div>
  );
}

function CriterionCharts({ report, children }: { report: CriterionReport; children: ComponentChildren }) {
  return (
    <section class="report-criterion" data-criterion={report.criterion.key}>
      <h3>{report.criterion.question}</h3>
      <div class="report-charts">
        <Figure caption={t('Same untouched test images, old and new')}>
          <Scatter report={report} />
        </Figure>
        {report.calibration && (
          <Figure caption={t('Stated and observed coverage of the intervals')}>
            <Calibration calibration={report.calibration} />
          </Figure>
        )}
        {children}
      </div>
    </section>
  );
}

function Figure({ caption, children }: { caption: string; children: ComponentChildren }) {
  return (
    <figure>
      <figcaption>{caption}</figcaption>
      {children}
    </figure>
  );
}

function Legend() {
  return (
    <ul class="report-legend">
      <li>
        <svg viewBox="0 0 16 16" aria-hidden="true" class="series-production">
          <path d="M4 4l8 8M4 12l8 -8" />
        </svg>
        {t('Production')}
      </li>
      <li>
        <svg viewBox="0 0 16 16" aria-hidden="true" class="series-candidate">
          <circle cx="8" cy="8" r="4" />
        </svg>
        {t('Candidate')}
      </li>
    </ul>
  );
}

function Progress({ run }: { run: RunProgress }) {
  const job = run.progress.value?.job;
  const left = job?.seconds_left ?? null;
  return (
    <section class="report-progress" data-run-state={job?.state ?? 'unknown'}>
      <p role="status">{job ? job.phase || t(WORDS[job.state]) : t('Asking…')}</p>
      <progress aria-label={t('Progress')} max={job?.total || 1} value={job?.done ?? 0} />
      <p>
        {job && job.total > 0 && t('{done} of {total}', { done: job.done, total: job.total })}
        {left !== null && t(', about {time} left', { time: duration(left) })}{' '}
        {run.isOutOfReach.value && t('The server does not answer; the run goes on without this page.')}
      </p>
    </section>
  );
}
