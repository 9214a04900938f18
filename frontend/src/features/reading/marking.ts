import type { Crossing } from '../../lib/planes';
import { t } from '../../lib/i18n';
import { boxBetween, type Place } from '../../lib/measure';
import type { StackViewer } from '../viewer/stackViewer';
import type { Desk } from './desk';
import { withFinding } from './draft';

/** A finding of a slice: a point, or a box where the press was drawn out. */
export function markFinding(desk: Desk, sliceIndex: number, from: Place, to: Place): void {
  desk.mode.value = 'nothing';
  const types = desk.room.current.value?.rubric.finding_types ?? [];
  const last = desk.room.draft.value?.findings.at(-1)?.type;
  const place = boxBetween(from, to) ?? { x: from[0], y: from[1], width: null, height: null };
  const finding = {
    criterion: desk.room.criterion.value?.key ?? null,
    type: last ?? types[0] ?? '',
    slice_index: sliceIndex,
    note: '',
    ...place,
  };
  desk.room.change((draft) => withFinding(draft, finding));
}

/** What the planes beside the slice need to know of mouse, marking and marks. */
export function overPlanes(desk: Desk, viewer: StackViewer) {
  const mode = desk.mode.value;
  const findings = desk.room.draft.value?.findings ?? [];
  return {
    mouse: { ...desk.preferences.current.value.mouse, left: viewer.state.value.leftTool },
    onMark: mode === 'mark' ? ({ column, row, slice }: Crossing) => markFinding(desk, slice, [column, row], [column, row]) : null,
    hint: mode === 'nothing' ? '' : mode === 'mark' ? t('A click here marks a point; boxes are drawn in the slice.') : t('Measures are made in the slice.'),
    marks: findings.flatMap(({ slice_index: slice, x, y, width }, index) =>
      width === null ? [{ column: Math.round(x), row: Math.round(y), slice, number: index + 1 }] : [],
    ),
  };
}
