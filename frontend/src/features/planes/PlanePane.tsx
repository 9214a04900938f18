import { useEffect, useRef } from 'preact/hooks';
import type { TargetedKeyboardEvent } from 'preact';
import { t } from '../../lib/i18n';
import { edgesOf, heightOf, shownAt, type Crossing, type Plane, type PlaneName } from '../../lib/planes';
import { sizeOf } from '../../lib/loadOrder';
import { EdgeLetters } from '../viewer/EdgeLetters';
import type { StackViewer } from '../viewer/stackViewer';
import type { MouseBindings } from '../viewer/tools';
import { paintPlane } from './planePicture';
import { usePointer } from './planePointer';
import type { Planes } from './planes';

/** What is done over the planes, besides looking. */
interface Handling {
  mouse: MouseBindings;
  /** Told where a press ended; null while nothing is being marked. */
  onMark?: ((at: Crossing) => void) | null;
  /** What can be done here now, or only in the slice. */
  hint?: string;
  /** Points that were marked, by number. */
  marks?: readonly (Crossing & { number: number })[];
}

interface PaneProps extends Handling {
  plane: Plane;
  planes: Planes;
  viewer: StackViewer;
}

const NAMES = { sagittal: 'Sagittal', coronal: 'Coronal', axial: 'Axial' } as const satisfies Record<PlaneName, string>;

/** Both planes, one above the other. */
export function PlanePanes(props: Omit<PaneProps, 'plane'>) {
  const { planes } = props;
  if (!planes.isShown.value) return null;
  return (
    <div class="planes">
      {planes.shown.value.map((plane) => (
        <PlanePane key={plane.cut} plane={plane} {...props} />
      ))}
    </div>
  );
}

/** A plane: a click lets all three cross there, a drag windows all, the wheel and the arrow keys go to the next one. */
function PlanePane({ plane, planes, viewer, mouse, onMark = null, hint = '', marks = [] }: PaneProps) {
  const { horizontal, vertical, cut, name } = plane;
  const at = heightOf(cut, planes.crossing.value);
  const { zoom, pan } = planes.views[cut].value;
  const pointer = usePointer({ plane, planes, viewer, mouse, onMark });
  return (
    <section class="pane plane" aria-label={t(NAMES[name])}>
      <div
        class="plane-room"
        role="slider"
        tabIndex={0}
        aria-label={t(NAMES[name])}
        aria-valuemin={1}
        aria-valuemax={planes.countOf(cut)}
        aria-valuenow={at + 1}
        onKeyDown={(event) => stepByKey(event, plane, planes)}
        {...pointer}
      >
        <div
          class="plane-box"
          style={{ '--ratio': String(horizontal.mm / vertical.mm), '--zoom': String(zoom), '--pan-x': `${pan[0]}px`, '--pan-y': `${pan[1]}px` }}
          data-plane={name}
          data-zoom={zoom}
          data-pan={pan.join(',')}
        >
          <Picture plane={plane} planes={planes} viewer={viewer} />
          <svg class="cross" aria-hidden="true">
            <Cross plane={plane} planes={planes} />
            {marks.map((mark) => (heightOf(cut, mark) === at ? <Mark key={mark.number} plane={plane} mark={mark} /> : null))}
          </svg>
        </div>
      </div>
      <EdgeLetters {...edgesOf(plane)} />
      <div class="corners">
        <p class="corner-top-left">
          {t(NAMES[name])}
          <Progress viewer={viewer} />
          {hint && <em>{hint}</em>}
        </p>
        <p class="corner-bottom-left">
          {at + 1} / {planes.countOf(cut)}
        </p>
      </div>
    </section>
  );
}

function Picture({ plane, planes, viewer }: Pick<PaneProps, 'plane' | 'planes' | 'viewer'>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => (canvas.current ? paintPlane(canvas.current, plane, planes, viewer) : undefined), [plane, planes, viewer]);
  return <canvas ref={canvas} aria-hidden="true" />;
}

/** Two thin lines. */
function Cross({ plane, planes }: Pick<PaneProps, 'plane' | 'planes'>) {
  const [x, y] = placeOf(plane, planes.crossing.value);
  return (
    <>
      <line x1={x} x2={x} y1="0" y2="100%" />
      <line x1="0" x2="100%" y1={y} y2={y} />
    </>
  );
}

function Mark({ plane, mark }: { plane: Plane; mark: Crossing & { number: number } }) {
  const [cx, cy] = placeOf(plane, mark);
  return (
    <g data-plane-mark={mark.number}>
      <circle class="mark-shade" cx={cx} cy={cy} r="14" />
      <circle class="mark-ring" cx={cx} cy={cy} r="14" />
    </g>
  );
}

function placeOf(plane: Plane, crossing: Crossing): [string, string] {
  const [x, y] = shownAt(plane, crossing);
  return [`${100 * x}%`, `${100 * y}%`];
}

function Progress({ viewer }: { viewer: StackViewer }) {
  const count = viewer.state.value.sliceCount;
  const there = sizeOf(viewer.frames.value?.loaded.value ?? []);
  return there < count ? <em role="status">{t('{there} of {count} slices are here', { there, count })}</em> : null;
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 10,
  PageDown: -10,
  Home: -Infinity,
  End: Infinity,
};

/** The keys of a slider; the others do what they do everywhere. */
function stepByKey(event: TargetedKeyboardEvent<HTMLElement>, { cut }: Plane, planes: Planes): void {
  const steps = STEPS[event.key];
  if (steps === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  planes.step(cut, steps);
}
