import { render } from 'preact';
import { createClient } from '../../api/client';
import { Uploader } from './uploader';
import { UploadPage } from './UploadPage';
import './upload.css';

/** What the page hands over under the id `upload-config`. */
export interface UploadConfig {
  ingests_url: string;
  csrf_token: string;
  username: string;
  project: { slug: string; name: string };
}

export function mountUpload(element: HTMLElement, config: UploadConfig): void {
  const uploader = new Uploader({
    client: createClient({ csrfToken: config.csrf_token, username: config.username }),
    ingestsUrl: config.ingests_url,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  });
  // A file dropped beside the field would otherwise replace the page.
  for (const kind of ['dragover', 'drop'] as const) addEventListener(kind, (event) => event.preventDefault());
  render(<UploadPage uploader={uploader} />, element);
}
