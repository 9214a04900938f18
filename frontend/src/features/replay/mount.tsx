import { render } from 'preact';
import { Replay } from './Replay';
import { createScreen, startReplay, type ReplayConfig } from './screen';
import './replay.css';

/** Draws a case as it stood on the reader's screen at submission, with what was still open beside it. */
export function mountReplay(element: HTMLElement, config: ReplayConfig): void {
  const screen = createScreen(config);
  render(<Replay screen={screen} />, element);
  void startReplay(screen);
}
