import { linearScale, polyline } from '../../lib/chartScales';
import { t } from '../../lib/i18n';
import { BOX, Frame } from './Frame';
import type { CoveragePoint, CriterionReport } from './reportConfig';

const percent = (value: number): string => `${Math.round(value * 100)} %`;

/** How often the stated interval held the expert's score. */
export function Calibration({ calibration }: { calibration: NonNullable<CriterionReport['calibration']> }) {
  const x = linearScale([0, 1], [BOX.left, BOX.right]);
  const y = linearScale([0, 1], [BOX.bottom, BOX.top]);
  return (
    <Frame
      name="calibration"
      title={t('Calibration of the intervals')}
      description={t("On the diagonal an interval holds the expert's score as often as it says; below it the model is too sure.")}
      x={x}
      y={y}
      xLabel={t('Stated')}
      yLabel={t('Observed')}
      format={percent}
    >
      <line class="chart-ideal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
      <Curve name="production" version={t('Production')} points={calibration.production ?? []} />
      <Curve name="candidate" version={t('Candidate')} points={calibration.candidate ?? []} />
    </Frame>
  );

  function Curve({ name, version, points }: { name: string; version: string; points: readonly CoveragePoint[] }) {
    return (
      <g class={`series-${name}`}>
        <polyline points={polyline(points, x, y)} />
        {points.map(([stated, observed]) => (
          <circle key={stated} cx={x(stated)} cy={y(observed)} r="3.5">
            <title>{t('{version}: stated {stated}, observed {observed}', { version, stated: percent(stated), observed: percent(observed) })}</title>
          </circle>
        ))}
      </g>
    );
  }
}
