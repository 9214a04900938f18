import { effect } from '@preact/signals';
import type { Case, DisplayState } from '../../api/types';
import { StackViewer } from '../viewer/stackViewer';
import { presentationOf } from './presentation';
import './replay.css';

/** What the page hands over under the id `replay-config`. */
export interface ReplayConfig {
  case: Case;
  display_state: Partial<DisplayState>;
}

const MOUSE = { left: 'window', middle: 'pan', right: 'zoom', wheel: 'scroll' } as const;

/** Draws a case in a viewport of the size that the reader had, as it stood there at submission. */
export function mountReplay(element: HTMLElement, config: ReplayConfig): void {
  const pane = document.createElement('div');
  pane.className = 'replay-pane';
  pane.dataset.viewport = '';
  const [width, height] = config.display_state.viewport ?? [];
  if (width && height) Object.assign(pane.style, { width: `${width}px`, height: `${height}px` });
  element.append(pane);
  const viewer = new StackViewer(pane, { forceCpu: false }, MOUSE);
  void replay(viewer, config);
}

async function replay(viewer: StackViewer, config: ReplayConfig): Promise<void> {
  await viewer.show(config.case);
  await untilDrawn(viewer);
  await viewer.present(presentationOf(config.display_state));
  viewer.element.dataset.replayed = 'true';
}

/** Resolves with the first picture; never where there is none, which the viewer says itself. */
function untilDrawn(viewer: StackViewer): Promise<void> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (viewer.state.value.status !== 'rendered') return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}
