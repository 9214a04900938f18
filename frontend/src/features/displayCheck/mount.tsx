import { render } from 'preact';
import { createClient } from '../../api/client';
import { DisplayCheckPage } from './DisplayCheckPage';
import './displayCheck.css';
import type { PatternField, Place } from './pattern';
import { Sitting } from './sitting';

/** What the page hands over under the id `display-check-config`. */
export interface DisplayCheckConfig {
  checks_url: string;
  fields: PatternField[];
  places: Place[];
  next_url: string;
  csrf_token: string;
  username: string;
}

export function mountDisplayCheck(element: HTMLElement, config: DisplayCheckConfig): void {
  const sitting = new Sitting({
    client: createClient({ csrfToken: config.csrf_token, username: config.username }),
    checksUrl: config.checks_url,
    fields: config.fields,
    places: config.places,
    random: Math.random,
    now: () => performance.now(),
    screen: () => ({
      columns: Math.round(screen.width * devicePixelRatio),
      rows: Math.round(screen.height * devicePixelRatio),
      device_pixel_ratio: devicePixelRatio,
    }),
  });
  render(<DisplayCheckPage sitting={sitting} count={config.fields.length} nextUrl={config.next_url} />, element);
}
