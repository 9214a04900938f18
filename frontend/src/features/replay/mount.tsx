import { effect } from '@preact/signals';
import { render } from 'preact';
import type { Case, DisplayState } from '../../api/types';
import { Graphics } from '../viewer/Graphics';
import { Padding } from '../viewer/Padding';
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
  const [frame, pane, over] = ['replay-frame', 'replay-pane', 'replay-layers'].map((name) => {
    return Object.assign(document.createElement('div'), { className: name });
  }) as [HTMLDivElement, HTMLDivElement, HTMLDivElement];
  pane.dataset.viewport = '';
  const [width, height] = config.display_state.viewport ?? [];
  if (width && height) Object.assign(frame.style, { width: `${width}px`, height: `${height}px` });
  frame.append(pane, over);
  element.append(frame);
  const viewer = new StackViewer(pane, { forceCpu: false }, MOUSE);
  render(<Layers viewer={viewer} config={config} />, over);
  void replay(viewer, config);
}

/** What lay over the image; the overlays that came with it unless they were hidden. */
function Layers({ viewer, config }: { viewer: StackViewer; config: ReplayConfig }) {
  return (
    <>
      <Padding viewer={viewer} reading={config.case} />
      {config.display_state.has_graphics !== false && <Graphics viewer={viewer} reading={config.case} />}
    </>
  );
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
