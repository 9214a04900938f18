import { untracked } from '@preact/signals';
import type { Case, Hanging } from '../../api/types';
import { t } from '../../lib/i18n';
import { AS_IT_COMES, hangingFrom, hangingOf } from '../../lib/hanging';
import type { Performer } from '../../lib/keymap';
import type { StackViewer } from '../viewer/stackViewer';
import { anchorComparable, priorComparable, type Comparable } from './comparison';
import type { Desk } from './desk';

/** Shows a case as the reader keeps its kind, else as the project hangs it. */
export function hang(desk: Desk, screen: StackViewer, reading: Case): void {
  const hanging = untracked(() => ownHanging(desk, reading));
  void screen.show(reading, hanging);
  untracked(() => layOut(desk, reading, hanging));
}

function ownHanging(desk: Desk, reading: Case): Hanging {
  return hangingOf(reading, desk.preferences.current.value.hangings);
}

/** An image of the same modality hangs as the case does; another as it comes. */
export function hangingBeside(desk: Desk, picture: Case): Hanging {
  const reading = desk.room.onScreen.peek();
  return reading?.image.modality === picture.image.modality ? untracked(() => ownHanging(desk, reading)) : AS_IT_COMES;
}

/** One image, or what lies beside it where there is such. */
function layOut({ comparison, planes }: Desk, reading: Case, { layout }: Hanging): void {
  const beside = besideIn(layout, reading);
  if (beside) void comparison.open(beside);
  else comparison.close();
  if (layout === 'planes') planes.open();
  else planes.close();
}

function besideIn(layout: Hanging['layout'], { prior, rubric }: Case): Comparable | null {
  if (layout === 'prior') return prior ? priorComparable(prior) : null;
  const criterion = rubric.criteria.find(({ anchor_images: anchors }) => layout === 'anchor' && anchors?.length);
  const [anchor] = criterion?.anchor_images ?? [];
  return criterion && anchor ? anchorComparable(criterion, anchor) : null;
}

/** Keeping how the open case hangs for all of its kind, and going back to what the project says. */
export function ofHanging(desk: Desk): Record<string, Performer> {
  const isAvailable = (): boolean => desk.room.onScreen.value?.hanging !== undefined;
  return {
    'hanging-keep': { isAvailable, perform: () => keepHanging(desk) },
    'hanging-reset': { isAvailable, perform: () => resetHanging(desk) },
  };
}

async function keepHanging(desk: Desk): Promise<void> {
  const [reading, screen] = [desk.room.onScreen.value, desk.viewer.value];
  if (!reading?.hanging || screen?.state.value.status !== 'rendered') return;
  const layout = desk.comparison.shown.value?.kind ?? (desk.planes.isShown.value ? 'planes' : 'one');
  const hanging = hangingFrom(screen.state.value, layout, desk.config.hung_windows, devicePixelRatio);
  const refusal = await store(desk, { ...desk.preferences.current.value.hangings, [reading.hanging.name]: hanging });
  desk.room.notice.value = refusal ?? t('Kept: images of this kind open like this one from now on.');
}

async function resetHanging(desk: Desk): Promise<void> {
  const [reading, screen] = [desk.room.onScreen.value, desk.viewer.value];
  if (!reading?.hanging || !screen) return;
  const { name } = reading.hanging;
  const others = Object.entries(desk.preferences.current.value.hangings).filter(([kept]) => kept !== name);
  const refusal = await store(desk, Object.fromEntries(others));
  if (refusal === null) {
    const hanging = ownHanging(desk, reading);
    screen.fit(hanging);
    layOut(desk, reading, hanging);
  }
  desk.room.notice.value = refusal ?? t('Images of this kind open as the project says again.');
}

function store(desk: Desk, hangings: Record<string, Hanging>): Promise<string | null> {
  return desk.preferences.save({ hangings });
}
