/**
 * Active reading time: the tab is visible, the window has the focus, and the last input is at most
 * `IDLE_LIMIT_SECONDS` old. All times in milliseconds of one monotonic clock, which the caller reads.
 */
export const IDLE_LIMIT_SECONDS = 60;
const IDLE_LIMIT_MS = IDLE_LIMIT_SECONDS * 1000;

export interface Activity {
  readonly activeMs: number;
  /** Up to here time is accounted for. */
  readonly countedTo: number;
  readonly lastInput: number;
  readonly isVisible: boolean;
  readonly isFocused: boolean;
}

export type ActivityEvent =
  | { kind: 'tick' | 'input'; at: number }
  | { kind: 'visibility'; at: number; isVisible: boolean }
  | { kind: 'focus'; at: number; isFocused: boolean };

/**
 * Opening a case counts as an input, but where it came by itself: then the last one before it stands.
 * `activeMs` is what was counted before a reload.
 */
export function startActivity(at: number, isVisible: boolean, isFocused: boolean, activeMs = 0, lastInput = at): Activity {
  return { activeMs, countedTo: at, lastInput, isVisible, isFocused };
}

export function advance(activity: Activity, event: ActivityEvent): Activity {
  const counted = count(activity, event.at);
  switch (event.kind) {
    case 'tick':
      return counted;
    case 'input':
      return { ...counted, lastInput: counted.countedTo };
    case 'visibility':
      return { ...counted, isVisible: event.isVisible };
    case 'focus':
      return { ...counted, isFocused: event.isFocused };
  }
}

export function activeSeconds(activity: Activity): number {
  return Math.round(activity.activeMs / 100) / 10;
}

function count(activity: Activity, at: number): Activity {
  const countedTo = Math.max(activity.countedTo, at);
  if (!activity.isVisible || !activity.isFocused) return { ...activity, countedTo };
  const end = Math.min(countedTo, activity.lastInput + IDLE_LIMIT_MS);
  const gained = Math.max(0, end - activity.countedTo);
  return { ...activity, countedTo, activeMs: activity.activeMs + gained };
}
