import { render } from 'preact';
import { createClient } from '../../api/client';
import { ReportCharts } from './ReportCharts';
import type { ReportConfig } from './reportConfig';
import { RunProgress } from './runProgress';
import './charts.css';

export function mountReport(element: HTMLElement, config: ReportConfig): void {
  const run = config.run_url ? followRun(config.run_url) : null;
  render(<ReportCharts config={config} run={run} />, element);
}

function followRun(runUrl: string): RunProgress {
  const run = new RunProgress({
    client: createClient({ csrfToken: '' }),
    runUrl,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    onEnd: () => location.reload(),
  });
  void run.follow();
  return run;
}
