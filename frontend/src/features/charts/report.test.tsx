import { render } from 'preact';
import { expect, test, vi } from 'vitest';
import { NetworkError } from '../../api/client';
import type { JobState } from '../../api/types';
import { FakeServer } from '../../testing/fakes';
import { ReportCharts } from './ReportCharts';
import { withGrowingSteps, type CriterionReport, type ReportConfig } from './reportConfig';
import { RunProgress } from './runProgress';

const REPORT: CriterionReport = {
  criterion: { key: 'noise', question: 'Noise', minimum: 1, maximum: 5 },
  production: { points: [[2, 4, 0.5], [3, 3, null]] },
  candidate: { points: [[2, 2.5, 0.2]] },
  calibration: { production: [[0.5, 0.4]], candidate: [[0.5, 0.52]] },
};

function draw(config: Partial<ReportConfig>): HTMLElement {
  const element = document.createElement('div');
  render(<ReportCharts config={{ criteria: [], loss: [], run_url: null, ...config }} run={null} />, element);
  return element;
}

test('a criterion has its scatter and its calibration, each with words for those who do not see it', () => {
  const element = draw({ criteria: [REPORT] });
  const scatter = element.querySelector('[data-chart="scatter"]');
  expect(scatter?.querySelectorAll('.series-production path')).toHaveLength(2);
  expect(scatter?.querySelectorAll('.series-candidate circle')).toHaveLength(1);
  // |4 - 2| and |3 - 3|: 1 on average.
  expect(scatter?.querySelector('desc')?.textContent).toContain('Production: 2 images, 1.00 off on average.');
  expect(scatter?.querySelector('.series-production title')?.textContent).toBe('Production: expert 2, predicted 4.00 ± 0.50');
  expect(element.querySelector('[data-chart="calibration"] title')?.textContent).toBe('Calibration of the intervals');
  expect(element.querySelector('[data-chart="loss"]')).toBeNull();
});

test('the loss stands beside the charts of an only criterion, and after those of several', () => {
  const loss: ReportConfig['loss'] = [[0, 3], [10, 2]];
  const inCriterion = '.report-criterion [data-chart="loss"]';
  const other = { ...REPORT, criterion: { ...REPORT.criterion, key: 'other' } };
  expect(draw({ criteria: [REPORT], loss }).querySelectorAll(inCriterion)).toHaveLength(1);
  const several = draw({ criteria: [REPORT, other], loss });
  expect(several.querySelector(inCriterion)).toBeNull();
  expect(several.querySelectorAll('[data-chart="loss"]')).toHaveLength(1);
});

test('the loss goes on over phases and leaves out what is no number', () => {
  expect(withGrowingSteps([[0, 3], [10, 2], [0, null], [5, 1]])).toEqual([[0, 3], [10, 2], [15, 1]]);
  expect(draw({ loss: [[0, 3], [10, 2]] }).querySelector('[data-chart="loss"] polyline')?.getAttribute('points')).toMatch(/^56,/);
});

test('a run is followed over a failing answer until it ends', async () => {
  const states: (JobState | null)[] = ['running', null, 'running', 'succeeded'];
  const job = (state: JobState) => ({ job: { state, phase: 'Training', done: 1, total: 2, seconds_left: 3 }, loss_history: [] });
  const server = new FakeServer().on('runs/1/', () => {
    const state = states.shift() ?? null;
    return state === null ? new NetworkError() : job(state);
  });
  const onEnd = vi.fn();
  const run = new RunProgress({ client: server, runUrl: '/runs/1/', wait: () => Promise.resolve(), onEnd });
  await run.follow();
  expect(server.count('runs/1/', 'GET')).toBe(4);
  expect(onEnd).toHaveBeenCalledOnce();
});
