import type { Signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { StackViewer } from './stackViewer';
import type { MouseBindings } from './tools';

/** A viewer in the element that the reference is given to; `held` has it for as long as the element is there. */
export function useViewer(held: Signal<StackViewer | null>, mouse: MouseBindings): RefObject<HTMLDivElement> {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!element.current) return undefined;
    const viewer = new StackViewer(element.current, { forceCpu: false }, mouse);
    held.value = viewer;
    return () => {
      held.value = null;
      viewer.dispose();
    };
  }, [held]);
  return element;
}
