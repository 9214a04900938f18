import type { MouseButton, MouseTool, Preferences } from '../../api/types';
import type { ActionDescription } from '../../lib/keymap';

/** What the page hands over under the id `reading-config`. */
export interface ReadingConfig {
  worklist_url: string;
  session_url: string;
  project: { slug: string; name: string };
  csrf_token: string;
  username: string;
  software_version: string;
  /** Gives one's last submission back, for `undo_seconds` after it. */
  undo_url: string;
  undo_seconds: number;
  bookmarks_url: string;
  /** What the project shows after a submission: nothing, feedback, or feedback with an invitation to correct. */
  arm: 'blind' | 'training' | 'assisted';
  /** The page that tests the screen, and the last result of this one; null where it was never tested. */
  display_check_url: string;
  display_check: { id: string; has_passed: boolean } | null;
  preferences_url: string;
  preferences: Preferences;
  /** The names of windows that a way to hang can open with; empty for the image's own. */
  hung_windows: string[];
  /** All that can be done here: toolbar, keys, help and settings are made from it. */
  actions: ActionDescription[];
  /** Why a criterion may not be judged: what is stored, and the words for it. */
  abstention_reasons: [string, string][];
  /** What each mouse button can be set to; the first is its default. */
  mouse_tools: Record<MouseButton, MouseTool[]>;
  /** Where "Home" leads; the site's root unless given. */
  home_url?: string;
}
