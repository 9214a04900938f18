import { useSignal } from '@preact/signals';
import type { TargetedPointerEvent } from 'preact';
import { t } from '../../lib/i18n';
import type { Place } from '../../lib/measure';
import type { StackViewer } from '../viewer/stackViewer';
import type { Desk } from './desk';
import { markFinding } from './marking';
import { MeasureShape } from './MeasureMarks';
import { measureBetween, type Measure } from './measures';

type PointerEvent = TargetedPointerEvent<HTMLDivElement>;

/** Lies over the image while a finding is marked or something is measured: a click is a point, a drag has a size. */
export function PointingLayer({ desk, viewer }: { desk: Desk; viewer: StackViewer }) {
  const from = useSignal<Place | null>(null);
  const to = useSignal<Place | null>(null);
  const mode = desk.mode.value;
  if (mode === 'nothing') return null;
  const placeOf = (event: PointerEvent): Place | null => viewer.imagePointAt(event.clientX, event.clientY);
  const begin = (event: PointerEvent): void => {
    event.preventDefault();
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    from.value = to.value = placeOf(event);
  };
  const end = (): void => {
    if (from.value && to.value) finish(desk, viewer, from.value, to.value);
    from.value = to.value = null;
  };
  return (
    <div
      class="pointing"
      data-pointing={mode}
      onPointerDown={begin}
      onPointerMove={(event) => {
        if (from.value) to.value = placeOf(event) ?? to.value;
      }}
      onPointerUp={end}
      onPointerCancel={() => (from.value = to.value = null)}
      onWheel={(event) => viewer.turnWheel(event)}
      onContextMenu={(event) => event.preventDefault()}
    >
      {from.value && to.value && <Draft mode={mode} viewer={viewer} from={from.value} to={to.value} />}
    </div>
  );
}

function Draft({ mode, viewer, from, to }: { mode: string; viewer: StackViewer; from: Place; to: Place }) {
  const kind = mode === 'length' ? 'length' : mode === 'region' ? 'region' : 'box';
  return (
    <svg class="marks" aria-hidden="true">
      <MeasureShape kind={kind} viewer={viewer} from={from} to={to} />
    </svg>
  );
}

function finish(desk: Desk, viewer: StackViewer, from: Place, to: Place): void {
  const mode = desk.mode.value;
  if (mode === 'mark') return markFinding(desk, viewer.state.value.sliceIndex, from, to);
  const reading = desk.room.onScreen.value;
  const made: Measure | null = reading && mode !== 'nothing' ? measureBetween(mode, viewer, reading, from, to) : null;
  if (made) desk.measures.value = [...desk.measures.value, made];
  else if (mode === 'region' && viewer.state.value.isColour) desk.room.notice.value = t('Colours have no mean: a region is measured in grey images.');
}
