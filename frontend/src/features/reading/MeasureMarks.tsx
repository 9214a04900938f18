import type { Place } from '../../lib/measure';
import type { StackViewer } from '../viewer/stackViewer';
import type { Desk } from './desk';

interface ShapeProps {
  kind: 'length' | 'region' | 'box';
  viewer: StackViewer;
  from: Place;
  to: Place;
}

/** A line, an ellipse or a box between two places of the image, however the image is turned on the screen. */
export function MeasureShape({ kind, viewer, from, to }: ShapeProps) {
  const corners = cornersOf(from, to).map(([x, y]) => viewer.canvasPointOf(x, y));
  const [a, b, c, d] = corners;
  if (!a || !b || !c || !d) return null;
  if (kind === 'length') return <Line a={a} c={c} />;
  if (kind === 'box') return <polygon class="mark-ring" points={[a, b, c, d].map((point) => point.join(',')).join(' ')} />;
  const [left, right] = [Math.min(a[0], c[0], b[0]), Math.max(a[0], c[0], b[0])];
  const [top, bottom] = [Math.min(a[1], c[1], b[1]), Math.max(a[1], c[1], b[1])];
  return <ellipse class="measure-line" cx={(left + right) / 2} cy={(top + bottom) / 2} rx={(right - left) / 2} ry={(bottom - top) / 2} />;
}

function cornersOf(from: Place, to: Place): Place[] {
  return [from, [to[0], from[1]], to, [from[0], to[1]]];
}

function Line({ a, c }: { a: [number, number]; c: [number, number] }) {
  return <line class="measure-line" x1={a[0]} y1={a[1]} x2={c[0]} y2={c[1]} />;
}

/** What was measured on this slice. */
export function MeasureMarks({ desk, viewer }: { desk: Desk; viewer: StackViewer }) {
  const { sliceIndex } = viewer.state.value;
  const here = desk.measures.value.filter((measure) => measure.sliceIndex === sliceIndex);
  return (
    <svg class="marks" aria-hidden="true">
      {here.map((measure, index) => (
        <g key={index} data-measure={measure.kind} data-text={measure.lines.join('; ')}>
          <MeasureShape kind={measure.kind} viewer={viewer} from={measure.from} to={measure.to} />
          <Words lines={measure.lines} at={viewer.canvasPointOf(measure.to[0], measure.to[1])} />
        </g>
      ))}
    </svg>
  );
}

function Words({ lines, at }: { lines: readonly string[]; at: [number, number] | null }) {
  if (!at) return null;
  return (
    <text class="measure-words" x={at[0] + 10} y={at[1]}>
      {lines.map((line, index) => (
        <tspan key={index} x={at[0] + 10} dy={index === 0 ? 0 : '1.25em'}>
          {line}
        </tspan>
      ))}
    </text>
  );
}
