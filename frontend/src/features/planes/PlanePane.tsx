import { useEffect, useRef } from 'preact/hooks';
import type { TargetedKeyboardEvent, TargetedPointerEvent } from 'preact';
import { t } from '../../lib/i18n';
import { edgesOf, heightOf, movedTo, shownAt, type Plane, type PlaneName } from '../../lib/planes';
import { wheelTurn } from '../../lib/wheel';
import { sizeOf } from '../../lib/loadOrder';
import { EdgeLetters } from '../viewer/EdgeLetters';
import type { StackViewer } from '../viewer/stackViewer';
import { paintPlane } from './planePicture';
import type { Planes } from './planes';

interface PaneProps {
  plane: Plane;
  planes: Planes;
  viewer: StackViewer;
}

const NAMES = { sagittal: 'Sagittal', coronal: 'Coronal', axial: 'Axial' } as const satisfies Record<PlaneName, string>;

/** Both planes, one above the other. */
export function PlanePanes({ planes, viewer }: Omit<PaneProps, 'plane'>) {
  if (!planes.isShown.value) return null;
  return (
    <div class="planes">
      {planes.shown.value.map((plane) => (
        <PlanePane key={plane.cut} plane={plane} planes={planes} viewer={viewer} />
      ))}
    </div>
  );
}

/** A plane: a click or a drag lets all three cross there, the wheel and the arrow keys go to the next one. */
function PlanePane({ plane, planes, viewer }: PaneProps) {
  const { horizontal, vertical, cut, name } = plane;
  const at = heightOf(cut, planes.crossing.value);
  const turned = useRef(0);
  return (
    <section class="pane plane" aria-label={t(NAMES[name])}>
      <div
        class="plane-room"
        onWheel={(event) => {
          event.preventDefault();
          const { steps, rest } = wheelTurn(turned.current, event.deltaY, event.deltaMode);
          turned.current = rest;
          planes.step(cut, steps);
        }}
      >
        <div
          class="plane-box"
          style={{ '--ratio': String(horizontal.mm / vertical.mm) }}
          role="slider"
          tabIndex={0}
          aria-label={t(NAMES[name])}
          aria-valuemin={1}
          aria-valuemax={planes.countOf(cut)}
          aria-valuenow={at + 1}
          data-plane={name}
          data-at={at}
          onKeyDown={(event) => stepByKey(event, plane, planes)}
          onPointerDown={(event) => {
            event.preventDefault();
            event.currentTarget.setPointerCapture(event.pointerId);
            crossUnder(event, plane, planes);
          }}
          onPointerMove={(event) => crossUnder(event, plane, planes)}
          onContextMenu={(event) => event.preventDefault()}
        >
          <Picture plane={plane} planes={planes} viewer={viewer} />
          <Cross plane={plane} planes={planes} />
        </div>
      </div>
      <EdgeLetters {...edgesOf(plane)} />
      <div class="corners">
        <p class="corner-top-left">
          {t(NAMES[name])}
          <Progress viewer={viewer} />
        </p>
        <p class="corner-bottom-left">
          {at + 1} / {planes.countOf(cut)}
        </p>
      </div>
    </section>
  );
}

function Picture({ plane, planes, viewer }: PaneProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => (canvas.current ? paintPlane(canvas.current, plane, planes, viewer) : undefined), [plane, planes, viewer]);
  return <canvas ref={canvas} aria-hidden="true" />;
}

/** Two thin lines. */
function Cross({ plane, planes }: Omit<PaneProps, 'viewer'>) {
  const [x, y] = shownAt(plane, planes.crossing.value).map((share) => `${100 * share}%`);
  return (
    <svg class="cross" aria-hidden="true">
      <line x1={x} x2={x} y1="0" y2="100%" />
      <line x1="0" x2="100%" y1={y} y2={y} />
    </svg>
  );
}

function Progress({ viewer }: { viewer: StackViewer }) {
  const count = viewer.state.value.sliceCount;
  const there = sizeOf(viewer.frames.value?.loaded.value ?? []);
  return there < count ? <em role="status">{t('{there} of {count} slices are here', { there, count })}</em> : null;
}

function crossUnder(event: TargetedPointerEvent<HTMLElement>, plane: Plane, planes: Planes): void {
  if (event.buttons !== 1) return;
  const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
  planes.cross(movedTo(plane, planes.crossing.value, [(event.clientX - left) / width, (event.clientY - top) / height]));
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
