/** What the page hands over under the id `reading-config`. */
export interface ReadingConfig {
  worklist_url: string;
  session_url: string;
  project: { slug: string; name: string };
  csrf_token: string;
  username: string;
  software_version: string;
  /** Where "Home" leads; the site's root unless given. */
  home_url?: string;
  /** Kinds of artefact offered for a finding; a common list unless given. */
  finding_types?: string[];
}

export const FINDING_TYPES: readonly string[] = [
  'Noise',
  'Motion',
  'Metal or streak',
  'Ring or band',
  'Aliasing or wrap',
  'Ghosting',
  'Blur',
  'Exposure',
  'Cut off',
  'Other',
];
