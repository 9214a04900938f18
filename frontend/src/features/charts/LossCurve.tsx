import { extent, linearScale, polyline } from '../../lib/chartScales';
import { t } from '../../lib/i18n';
import { BOX, Frame } from './Frame';
import { withGrowingSteps, type LossPoint } from './reportConfig';

/** The error on the training images by step: the RMSE as a share of the scale. */
export function LossCurve({ history }: { history: readonly LossPoint[] }) {
  const points = withGrowingSteps(history);
  const steps = points.map(([step]) => step);
  const x = linearScale(steps.length > 1 ? extent(steps, 0) : [0, 1], [BOX.left, BOX.right]);
  const y = linearScale(extent([0, ...points.map(([, loss]) => loss)]), [BOX.bottom, BOX.top]);
  const [first, last] = [points[0]?.[1], points.at(-1)?.[1]];
  const description =
    first === undefined || last === undefined
      ? t('No step yet.')
      : t('From {first} to {last} in {count} points.', { first: first.toPrecision(3), last: last.toPrecision(3), count: points.length });
  return (
    <Frame name="loss" title={t('Training error')} description={description} x={x} y={y} xLabel={t('Step')} yLabel={t('RMSE, share of the scale')}>
      <g class="series-candidate">
        <polyline points={polyline(points, x, y)} />
      </g>
    </Frame>
  );
}
