import { linearScale } from '../../lib/chartScales';
import { counted, t } from '../../lib/i18n';
import { BOX, Frame } from './Frame';
import type { CriterionReport, ScoredPoint } from './reportConfig';

/** Predictions of the old and the new version over what experts said, for the same images. */
export function Scatter({ report }: { report: CriterionReport }) {
  const { minimum, maximum, question } = report.criterion;
  const air = (maximum - minimum) * 0.05;
  const x = linearScale([minimum - air, maximum + air], [BOX.left, BOX.right]);
  const y = linearScale([minimum - air, maximum + air], [BOX.bottom, BOX.top]);
  const old = report.production?.points ?? [];
  const fresh = report.candidate?.points ?? [];
  return (
    <Frame
      name="scatter"
      title={t('Predicted over expert scores: {question}', { question })}
      description={`${describe(t('Production'), old)} ${describe(t('Candidate'), fresh)} ${t('On the diagonal the prediction equals the expert.')}`}
      x={x}
      y={y}
      xLabel={t('Expert')}
      yLabel={t('Predicted')}
    >
      <line class="chart-ideal" x1={x(minimum)} y1={y(minimum)} x2={x(maximum)} y2={y(maximum)} />
      <g class="series-production">
        {old.map((point, index) => (
          <path key={index} d={cross(x(point[0]), y(point[1]))}>
            <title>{tooltip(t('Production'), point)}</title>
          </path>
        ))}
      </g>
      <g class="series-candidate">
        {fresh.map((point, index) => (
          <circle key={index} cx={x(point[0])} cy={y(point[1])} r="4">
            <title>{tooltip(t('Candidate'), point)}</title>
          </circle>
        ))}
      </g>
    </Frame>
  );
}

function cross(x: number, y: number): string {
  return `M${x - 4} ${y - 4}l8 8M${x - 4} ${y + 4}l8 -8`;
}

function tooltip(version: string, [expert, predicted, std]: ScoredPoint): string {
  const spread = std === null ? '' : ` ± ${std.toFixed(2)}`;
  return t('{version}: expert {expert}, predicted {predicted}', { version, expert, predicted: `${predicted.toFixed(2)}${spread}` });
}

/** The mean absolute difference in words. */
function describe(version: string, points: readonly ScoredPoint[]): string {
  if (points.length === 0) return t('{version}: none.', { version });
  const total = points.reduce((sum, [expert, predicted]) => sum + Math.abs(predicted - expert), 0);
  const difference = (total / points.length).toFixed(2);
  return counted(points.length, '{version}: {count} image, {difference} off on average.', '{version}: {count} images, {difference} off on average.', { version, difference });
}
