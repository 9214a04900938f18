import { render } from 'preact';
import { createDesk, startDesk } from './desk';
import type { ReadingConfig } from './readingConfig';
import { ReadingRoom } from './ReadingRoom';
import './reading.css';

export function mountReading(element: HTMLElement, config: ReadingConfig): void {
  const desk = createDesk(config);
  render(<ReadingRoom desk={desk} />, element);
  startDesk(desk);
}
