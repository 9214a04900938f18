import type { StackViewer } from '../viewer/stackViewer';
import type { Desk } from './desk';

/** Rings over the image where this slice has findings. */
export function FindingMarks({ desk, viewer }: { desk: Desk; viewer: StackViewer }) {
  const findings = desk.room.draft.value?.findings ?? [];
  // The state changes with each picture drawn, which may have moved the image under the rings.
  const { sliceIndex } = viewer.state.value;
  const here = findings
    .map((finding, index) => ({ finding, index, at: viewer.canvasPointOf(finding.x, finding.y) }))
    .filter(({ finding }) => finding.slice_index === sliceIndex);
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
