import type { StackViewer } from '../viewer/stackViewer';
import type { Desk } from './desk';

/** Rings over the image where this slice has findings. */
export function FindingMarks({ desk, viewer }: { desk: Desk; viewer: StackViewer }) {
  // Read for its change only: each picture drawn may have moved the image under the rings.
  void viewer.state.value.drawn;
  const findings = desk.room.draft.value?.findings ?? [];
  const here = findings
    .map((finding, index) => ({ finding, index, at: viewer.canvasPointOf(finding.x, finding.y) }))
    .filter(({ finding }) => finding.slice_index === viewer.state.value.sliceIndex);
  return (
    <svg class="marks" aria-hidden="true">
      {here.map(({ index, at }) => at && <Mark key={index} number={index + 1} at={at} />)}
    </svg>
  );
}

function Mark({ number, at }: { number: number; at: [number, number] }) {
  return (
    <g data-mark={number} transform={`translate(${at[0]} ${at[1]})`}>
      <circle class="mark-shade" r="14" />
      <circle class="mark-ring" r="14" />
      <text x="18" y="-10">
        {number}
      </text>
    </g>
  );
}
