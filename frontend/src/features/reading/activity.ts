import { advance, startActivity, type Activity, type ActivityEvent } from '../../lib/activeTime';

const INPUTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

/** Feeds the page's events to the definition of active time in `lib/activeTime`. */
export class ActivityWatch {
  private activity: Activity;
  private readonly pages = new Set<Window>();

  constructor(private readonly now: () => number = () => performance.now()) {
    this.activity = startActivity(this.now(), !document.hidden, document.hasFocus());
    this.watch(window);
    document.addEventListener('visibilitychange', () =>
      this.feed({ kind: 'visibility', at: this.now(), isVisible: !document.hidden }),
    );
  }

  /** What is done in this window counts: the page's own, and one that shows its image on a second monitor. */
  watch(page: Window): void {
    this.pages.add(page);
    const onInput = (): void => this.feed({ kind: 'input', at: this.now() });
    for (const kind of INPUTS) page.addEventListener(kind, onInput, { passive: true });
    // Going from one of them to the other the focus leaves the one before it comes to the other.
    for (const [kind, isFocused] of [['focus', true], ['blur', false]] as const) {
      page.addEventListener(kind, () => this.feed({ kind: 'focus', at: this.now(), isFocused }));
    }
    page.addEventListener('pagehide', () => {
      if (page !== window) this.pages.delete(page);
      this.feed({ kind: 'focus', at: this.now(), isFocused: this.hasFocus() });
    });
  }

  /** Another case is open; `isByItself` where nobody asked for it just now. */
  restart(activeMs: number, isByItself = false): void {
    const now = this.now();
    this.activity = startActivity(now, !document.hidden, this.hasFocus(), activeMs, isByItself ? this.activity.lastInput : now);
  }

  activeMs(): number {
    this.feed({ kind: 'tick', at: this.now() });
    return this.activity.activeMs;
  }

  private hasFocus(): boolean {
    return [...this.pages].some((page) => page.document.hasFocus());
  }

  private feed(event: ActivityEvent): void {
    this.activity = advance(this.activity, event);
  }
}
