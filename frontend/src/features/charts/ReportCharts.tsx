import { duration } from '../../lib/format';
import { Calibration } from './Calibration';
import { LossCurve } from './LossCurve';
import type { ReportConfig } from './reportConfig';
import type { RunProgress } from './runProgress';
import { Scatter } from './Scatter';

/** The charts of a run's report, and its progress while it goes on. */
export function ReportCharts({ config, run }: { config: ReportConfig; run: RunProgress | null }) {
  const live = run?.progress.value?.loss_history ?? [];
  const loss = live.length > 0 ? live : config.loss;
  const hasPoints = config.candidate !== null || config.production !== null;
  return (
    <div class="report">
      {run && <Progress run={run} />}
      {(hasPoints || config.calibration) && <Legend />}
      <div class="report-charts">
        {hasPoints && (
          <Figure caption="Same untouched test images, old and new">
            <Scatter config={config} />
          </Figure>
        )}
        {config.calibration && (
          <Figure caption="Stated and observed coverage of the intervals">
            <Calibration calibration={config.calibration} />
          </Figure>
        )}
        {(loss.length > 0 || run) && (
          <Figure caption="Loss during training">
            <LossCurve points={loss} />
          </Figure>
        )}
      </div>
    </div>
  );
}

function Figure({ caption, children }: { caption: string; children: preact.ComponentChildren }) {
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
        Production
      </li>
      <li>
        <svg viewBox="0 0 16 16" aria-hidden="true" class="series-candidate">
          <circle cx="8" cy="8" r="4" />
        </svg>
        Candidate
      </li>
    </ul>
  );
}

function Progress({ run }: { run: RunProgress }) {
  const progress = run.progress.value;
  const left = progress?.seconds_left ?? null;
  return (
    <section class="report-progress" data-run-state={progress?.state ?? 'unknown'}>
      <p role="status">{progress?.phase || progress?.state || 'Asking…'}</p>
      <progress aria-label="Progress" max={progress?.total || 1} value={progress?.done ?? 0} />
      <p>
        {progress ? `${progress.done} of ${progress.total}` : ''}
        {left !== null && `, about ${duration(left)} left`}
        {run.isOutOfReach.value && ' The server does not answer; the run goes on without this page.'}
      </p>
    </section>
  );
}
