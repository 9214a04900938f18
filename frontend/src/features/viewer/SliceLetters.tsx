import type { Case } from '../../api/types';
import { lettersOf, oppositeOf, orientationOf, patientOrientation } from '../../lib/stackSpace';
import { EdgeLetters } from './EdgeLetters';
import { metadataOf } from './metadata';
import type { StackViewer } from './stackViewer';

/** The patient's sides at the edges of the slice, however it is turned; nothing where the header does not say. */
export function SliceLetters({ viewer, reading }: { viewer: StackViewer; reading: Case }) {
  const { sliceIndex, drawn } = viewer.state.value;
  const frame = reading.image.frames[sliceIndex];
  const ends = frame && drawn > 0 ? endsOf(frame, reading) : null;
  const [origin, beside, below] = [viewer.canvasPointOf(0, 0), viewer.canvasPointOf(1, 0), viewer.canvasPointOf(0, 1)];
  if (!ends || !origin || !beside || !below) return null;
  const [row, column] = ends;
  const isUpright = Math.abs(beside[0] - origin[0]) > Math.abs(below[0] - origin[0]);
  const [across, down] = isUpright ? [row, column] : [column, row];
  const [toRight, toBottom] = isUpright ? [beside[0] - origin[0], below[1] - origin[1]] : [below[0] - origin[0], beside[1] - origin[1]];
  const [right, bottom] = [toRight > 0 ? across : oppositeOf(across), toBottom > 0 ? down : oppositeOf(down)];
  return <EdgeLetters left={oppositeOf(right)} right={right} top={oppositeOf(bottom)} bottom={bottom} />;
}

/** Towards where the frame's rows and its columns go. */
function endsOf(frame: Case['image']['frames'][number], reading: Case): [string, string] | null {
  const metadata = metadataOf(reading, frame);
  const orientation = orientationOf(frame, metadata);
  return orientation ? [lettersOf(orientation.right), lettersOf(orientation.down)] : patientOrientation(metadata);
}
