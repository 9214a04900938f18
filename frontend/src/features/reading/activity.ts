import { advance, startActivity, type Activity, type ActivityEvent } from '../../lib/activeTime';

const INPUTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

/** Feeds the page's events to the definition of active time in `lib/activeTime`. */
export class ActivityWatch {
  private activity: Activity;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.activity = startActivity(this.now(), !document.hidden, document.hasFocus());
    const onInput = (): void => this.feed({ kind: 'input', at: this.now() });
    for (const kind of INPUTS) addEventListener(kind, onInput, { passive: true });
    addEventListener('focus', () => this.feed({ kind: 'focus', at: this.now(), isFocused: true }));
    addEventListener('blur', () => this.feed({ kind: 'focus', at: this.now(), isFocused: false }));
    document.addEventListener('visibilitychange', () =>
      this.feed({ kind: 'visibility', at: this.now(), isVisible: !document.hidden }),
    );
  }

  restart(activeMs: number): void {
    this.activity = startActivity(this.now(), !document.hidden, document.hasFocus(), activeMs);
  }

  activeMs(): number {
    this.feed({ kind: 'tick', at: this.now() });
    return this.activity.activeMs;
  }

  private feed(event: ActivityEvent): void {
    this.activity = advance(this.activity, event);
  }
}
