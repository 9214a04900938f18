import type { TargetedPointerEvent, TargetedWheelEvent } from 'preact';
import { useRef } from 'preact/hooks';
import type { MouseTool } from '../../api/types';
import { changeBetween, type Point } from '../../lib/fingers';
import { movedTo, type Crossing, type Plane } from '../../lib/planes';
import { movedBy, zoomedAt } from '../../lib/planeView';
import { wheelTurn } from '../../lib/wheel';
import type { StackViewer } from '../viewer/stackViewer';
import type { MouseBindings } from '../viewer/tools';
import type { Planes } from './planes';

/** As over the slice: a press that moved less is a click, so many pixels are one step, and a notch or a drag of so many zooms. */
const CLICK_PIXELS = 4;
const STEP_PIXELS = 8;
const ZOOM_STEP = 1.15;
const ZOOM_PIXELS = 20;
const BUTTONS = ['left', 'middle', 'right'] as const;

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
  viewer: StackViewer;
  mouse: MouseBindings;
  /** Told where the press ended while something is being marked, which the left button does then. */
  onMark: ((at: Crossing) => void) | null;
}

/**
 * What mouse and fingers do over a plane: as over the slice, whose window is that of all planes. A click of the left
 * button, or a tap, lets all three cross there, and so does a drag where it would scroll.
 */
export function usePointer({ plane, planes, viewer, mouse, onMark }: PointerOptions) {
  const press = useRef<Press | null>(null);
  const fingers = useRef(new Map<number, Point>());
  const turned = useRef(0);
  const { cut } = plane;

  return {
    onPointerDown(event: Pointer): void {
      event.preventDefault();
      if (isSecondFinger(event, fingers.current)) {
        event.currentTarget.setPointerCapture(event.pointerId);
        press.current = null;
        return;
      }
      const tool = toolOf(event.button, mouse, onMark !== null);
      if (tool === null || press.current || (tool === 'cross' && !isOverPicture(event))) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      const from = placeOf(event);
      // A finger may be the first of two.
      const at = tool === 'cross' && event.pointerType !== 'touch' ? crossUnder(event, plane, planes) : null;
      press.current = { tool, from, last: from, at, isClick: true, rest: 0 };
    },
    onPointerMove(event: Pointer): void {
      if (fingers.current.size > 1) return pinch(event, fingers.current, cut, planes);
      const held = press.current;
      if (!held) return;
      const to = placeOf(event);
      if (Math.hypot(to[0] - held.from[0], to[1] - held.from[1]) >= CLICK_PIXELS) held.isClick = false;
      if (held.tool === 'cross') held.at = held.at || !held.isClick ? crossUnder(event, plane, planes) : null;
      else if (!held.isClick) drag(held, to, event.currentTarget, { plane, planes, viewer });
    },
    onPointerUp(event: Pointer): void {
      const held = press.current;
      press.current = null;
      fingers.current.delete(event.pointerId);
      if (!held) return;
      if (held.tool === 'cross') {
        const at = held.at ?? crossUnder(event, plane, planes);
        if (at) onMark?.(at);
      } else if (held.isClick && event.button === 0 && isOverPicture(event)) {
        crossUnder(event, plane, planes);
      }
    },
    onPointerCancel(event: Pointer): void {
      press.current = null;
      fingers.current.delete(event.pointerId);
    },
    onWheel(event: TargetedWheelEvent<HTMLElement>): void {
      event.preventDefault();
      const turn = wheelTurn(turned.current, event.deltaY, event.deltaMode);
      turned.current = turn.rest;
      if (mouse.wheel !== 'zoom') planes.step(cut, turn.steps);
      else planes.look(cut, (view) => zoomedAt(view, ZOOM_STEP ** -turn.steps, fromMiddle(event.currentTarget, placeOf(event))));
    },
    onContextMenu(event: Event): void {
      event.preventDefault();
    },
  };
}

function toolOf(button: number, mouse: MouseBindings, isMarking: boolean): Press['tool'] | null {
  const name = BUTTONS[button];
  if (!name) return null;
  return name === 'left' && (isMarking || mouse.left === 'scroll') ? 'cross' : mouse[name];
}

/** Keeps where the fingers are; the mouse and a pen have none. */
function isSecondFinger(event: Pointer, fingers: Map<number, Point>): boolean {
  if (event.pointerType !== 'touch') return false;
  if (event.isPrimary) fingers.clear();
  fingers.set(event.pointerId, placeOf(event));
  return fingers.size > 1;
}

/** Two fingers zoom and move, three move. */
function pinch(event: Pointer, fingers: Map<number, Point>, cut: Plane['cut'], planes: Planes): void {
  if (!fingers.has(event.pointerId)) return;
  const before = [...fingers.values()];
  fingers.set(event.pointerId, placeOf(event));
  const { middle, shift, growth } = changeBetween(before, [...fingers.values()]);
  const around = fromMiddle(event.currentTarget, middle);
  planes.look(cut, (view) => movedBy(fingers.size === 2 ? zoomedAt(view, growth, around) : view, shift));
}

function drag(press: Press, to: Point, room: HTMLElement, { plane: { cut }, planes, viewer }: Pick<PointerOptions, 'plane' | 'planes' | 'viewer'>): void {
  const [x, y] = [to[0] - press.last[0], to[1] - press.last[1]];
  press.last = to;
  if (press.tool === 'window') viewer.windowBy([x, y]);
  if (press.tool === 'pan') planes.look(cut, (view) => movedBy(view, [x, y]));
  if (press.tool === 'zoom') planes.look(cut, (view) => zoomedAt(view, ZOOM_STEP ** (y / ZOOM_PIXELS), fromMiddle(room, press.from)));
  if (press.tool !== 'scroll') return;
  press.rest += y;
  const steps = Math.trunc(press.rest / STEP_PIXELS);
  press.rest -= steps * STEP_PIXELS;
  planes.step(cut, steps);
}

function placeOf({ clientX, clientY }: MouseEvent): Point {
  return [clientX, clientY];
}

function fromMiddle(room: HTMLElement, [x, y]: Point): Point {
  const { left, top, width, height } = room.getBoundingClientRect();
  return [x - left - width / 2, y - top - height / 2];
}

/** Beside the picture no click counts; a drag that began over it goes on along its edge. */
function isOverPicture(event: Pointer): boolean {
  return sharesUnder(event)?.every((share) => share >= 0 && share <= 1) ?? false;
}

/** Shares of the picture's width and height. */
function sharesUnder(event: Pointer): Point | null {
  const picture = event.currentTarget.querySelector('[data-plane]');
  if (!picture) return null;
  const { left, top, width, height } = picture.getBoundingClientRect();
  return [(event.clientX - left) / width, (event.clientY - top) / height];
}

/** Lets all three cross under the pointer. */
function crossUnder(event: Pointer, plane: Plane, planes: Planes): Crossing | null {
  const shares = sharesUnder(event);
  if (!shares) return null;
  const moved = movedTo(plane, planes.crossing.value, shares);
  planes.cross(moved);
  return moved;
}
