import type { Performer } from '../../lib/keymap';
import { hasOverlays } from '../../lib/overlays';
import { nextAnchor, priorComparable } from './comparison';
import type { Desk } from './desk';
import { ofHanging } from './hanging';

/** What the reader looks at: the case alone, or beside an image to compare it with. */
export function ofViews(desk: Desk): Record<string, Performer> {
  const { comparison, planes } = desk;
  const isCompared = (): boolean => comparison.shown.value !== null;
  return {
    ...ofHanging(desk),
    'second-window': {
      isPressed: () => desk.second.current.value !== null,
      perform: () => {
        const { project } = desk.config;
        const refusal = desk.stage.value && desk.second.toggle(desk.stage.value, project.name);
        if (refusal) desk.room.notice.value = refusal;
      },
    },
    planes: {
      isAvailable: () => planes.isAvailable.value,
      isPressed: () => planes.isShown.value,
      perform: () => {
        comparison.close();
        const refusal = planes.toggle();
        if (refusal) desk.room.notice.value = refusal;
      },
    },
    graphics: {
      isAvailable: () => hasOverlays(desk.room.onScreen.value?.image) || hasOverlays(comparison.picture.value?.image),
      isPressed: () => desk.hasGraphics.value,
      perform: () => {
        desk.hasGraphics.value = !desk.hasGraphics.value;
      },
    },
    'compare-anchor': {
      isAvailable: () => (desk.room.criterion.value?.anchor_images ?? []).length > 0,
      isPressed: () => comparison.shown.value?.kind === 'anchor',
      perform: () => showNextAnchor(desk),
    },
    'compare-prior': {
      isAvailable: () => (desk.room.onScreen.value?.prior ?? null) !== null,
      isPressed: () => comparison.shown.value?.kind === 'prior',
      perform: () => {
        const prior = desk.room.onScreen.value?.prior;
        if (prior) void comparison.toggle(priorComparable(prior));
      },
    },
    'compare-link': {
      isAvailable: isCompared,
      isPressed: () => comparison.isLinked.value,
      perform: () => {
        comparison.isLinked.value = !comparison.isLinked.value;
      },
    },
    'compare-switch': {
      isAvailable: isCompared,
      isPressed: () => comparison.isActive.value,
      perform: () => {
        comparison.isChosen.value = !comparison.isChosen.value;
      },
    },
  };
}

function showNextAnchor({ comparison, room }: Desk): void {
  const criterion = room.criterion.value;
  if (!criterion) return;
  const next = nextAnchor(criterion, room.draft.value?.scores[criterion.key] ?? null, comparison.shown.value);
  if (next) void comparison.open(next);
  else comparison.close();
}
