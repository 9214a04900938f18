import type { TargetedPointerEvent, TargetedWheelEvent } from 'preact';
import { useRef } from 'preact/hooks';
import type { MouseTool } from '../../api/types';
import { movedTo, type Crossing, type Plane } from '../../lib/planes';
import { movedBy, zoomedAt } from '../../lib/planeView';
import { wheelTurn } from '../../lib/wheel';
import type { MouseBindings } from '../viewer/tools';
import type { Planes } from './planes';

/** As over the slice: a press that moved less is a click, so many pixels are one step, and a notch or a drag of so many zooms. */
const CLICK_PIXELS = 4;
const STEP_PIXELS = 8;
const ZOOM_STEP = 1.15;
const ZOOM_PIXELS = 20;
const BUTTONS = ['left', 'middle', 'right'] as const;

type Point = readonly [number, number];
type Pointer = TargetedPointerEvent<HTMLElement>;

interface Press {
  tool: MouseTool | 'cross';
  from: Point;
  last: Point;
  /** Where the planes were let cross. */
  at: Crossing | null;
  isClick: boolean;
  /** Dragged towards the next step. */
  rest: number;
}

export interface PointerOptions {
  plane: Plane;
  planes: Planes;
  mouse: MouseBindings;
  /** Told where the press ended while something is being marked, which the left button does then. */
  onMark: ((at: Crossing) => void) | null;
}

/**
 * What the mouse does over a plane: the left button lets all three cross, unless it zooms or moves the image; then a click
 * does. The other buttons and the wheel do as over the slice; only the slice is windowed.
 */
export function usePointer({ plane, planes, mouse, onMark }: PointerOptions) {
  const press = useRef<Press | null>(null);
  const turned = useRef(0);
  const { cut } = plane;

  return {
    onPointerDown(event: Pointer): void {
      event.preventDefault();
      const tool = toolOf(event.button, mouse, onMark !== null);
      const at = tool === 'cross' ? crossUnder(event, plane, planes) : null;
      if (tool === null || (tool === 'cross' && !at) || press.current) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      const from: Point = [event.clientX, event.clientY];
      press.current = { tool, from, last: from, at, isClick: true, rest: 0 };
    },
    onPointerMove(event: Pointer): void {
      const held = press.current;
      if (!held) return;
      const to: Point = [event.clientX, event.clientY];
      if (Math.hypot(to[0] - held.from[0], to[1] - held.from[1]) >= CLICK_PIXELS) held.isClick = false;
      if (held.tool === 'cross') held.at = crossUnder(event, plane, planes, true);
      else drag(held, to, event.currentTarget, plane, planes);
      held.last = to;
    },
    onPointerUp(event: Pointer): void {
      const held = press.current;
      press.current = null;
      if (!held) return;
      if (held.tool === 'cross') {
        if (held.at) onMark?.(held.at);
      } else if (held.isClick && event.button === 0) {
        crossUnder(event, plane, planes);
      }
    },
    onPointerCancel(): void {
      press.current = null;
    },
    onWheel(event: TargetedWheelEvent<HTMLElement>): void {
      event.preventDefault();
      const turn = wheelTurn(turned.current, event.deltaY, event.deltaMode);
      turned.current = turn.rest;
      if (mouse.wheel !== 'zoom') planes.step(cut, turn.steps);
      else planes.look(cut, (view) => zoomedAt(view, ZOOM_STEP ** -turn.steps, fromMiddle(event.currentTarget, [event.clientX, event.clientY])));
    },
    onContextMenu(event: Event): void {
      event.preventDefault();
    },
  };
}

function toolOf(button: number, mouse: MouseBindings, isMarking: boolean): Press['tool'] | null {
  const name = BUTTONS[button];
  if (!name) return null;
  const tool = mouse[name];
  if (name === 'left') return (tool === 'zoom' || tool === 'pan') && !isMarking ? tool : 'cross';
  return tool === 'window' ? null : tool;
}

function drag(press: Press, to: Point, room: HTMLElement, { cut }: Plane, planes: Planes): void {
  const [x, y] = [to[0] - press.last[0], to[1] - press.last[1]];
  if (press.tool === 'pan') planes.look(cut, (view) => movedBy(view, [x, y]));
  if (press.tool === 'zoom') planes.look(cut, (view) => zoomedAt(view, ZOOM_STEP ** (y / ZOOM_PIXELS), fromMiddle(room, press.from)));
  if (press.tool !== 'scroll') return;
  press.rest += y;
  const steps = Math.trunc(press.rest / STEP_PIXELS);
  press.rest -= steps * STEP_PIXELS;
  planes.step(cut, steps);
}

function fromMiddle(room: HTMLElement, [x, y]: Point): Point {
  const { left, top, width, height } = room.getBoundingClientRect();
  return [x - left - width / 2, y - top - height / 2];
}

/** Lets all three cross under the pointer. Beside the picture nothing begins; what began over it goes on along its edge. */
function crossUnder(event: Pointer, plane: Plane, planes: Planes, isGoingOn = false): Crossing | null {
  const picture = event.currentTarget.querySelector('[data-plane]');
  if (!picture) return null;
  const { left, top, width, height } = picture.getBoundingClientRect();
  const shares: Point = [(event.clientX - left) / width, (event.clientY - top) / height];
  if (!isGoingOn && shares.some((share) => share < 0 || share > 1)) return null;
  const moved = movedTo(plane, planes.crossing.value, shares);
  planes.cross(moved);
  return moved;
}
