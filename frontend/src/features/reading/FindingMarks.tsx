import type { Finding } from '../../api/types';
import type { StackViewer } from '../viewer/stackViewer';
import type { Desk } from './desk';
import { MeasureShape } from './MeasureMarks';

/** Rings and boxes over the image where this slice has findings. */
export function FindingMarks({ desk, viewer }: { desk: Desk; viewer: StackViewer }) {
  const findings = desk.room.draft.value?.findings ?? [];
  // The state changes with each picture drawn, which may have moved the image under the marks.
  const { sliceIndex } = viewer.state.value;
  return (
    <svg class="marks" aria-hidden="true">
      {findings.map((finding, index) =>
        finding.slice_index === sliceIndex ? <Mark key={index} viewer={viewer} finding={finding} number={index + 1} /> : null,
      )}
    </svg>
  );
}

function Mark({ viewer, finding, number }: { viewer: StackViewer; finding: Finding; number: number }) {
  const { x, y, width, height } = finding;
  const at = viewer.canvasPointOf(x, y);
  if (!at) return null;
  const isBox = width !== null && height !== null;
  return (
    <g data-mark={number} data-shape={isBox ? 'box' : 'point'}>
      {isBox && <MeasureShape kind="box" viewer={viewer} from={[x, y]} to={[x + width, y + height]} />}
      <g transform={`translate(${at[0]} ${at[1]})`}>
        {!isBox && <circle class="mark-shade" r="14" />}
        {!isBox && <circle class="mark-ring" r="14" />}
        <text x={isBox ? 0 : 18} y={isBox ? -6 : -10}>
          {number}
        </text>
      </g>
    </g>
  );
}
