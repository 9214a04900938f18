import { computed, effect, untracked } from '@preact/signals';
import { follow, type Followed } from '../../lib/following';
import type { StackViewer } from './stackViewer';

/** Lets `target` scroll, zoom, move and window as `source` does, from where both are now. Returns the way to stop. */
export function linkViewers(source: StackViewer, target: StackViewer): () => void {
  let from: Followed | null = null;
  let at: Followed | null = null;
  // What the target does by itself starts nothing, but for another image in it.
  const shown = computed(() => (target.state.value.status === 'rendered' ? target.state.value.assignment : null));
  return effect(() => {
    const now = source.state.value;
    const there = shown.value;
    if (now.status !== 'rendered' || there === null) {
      from = at = null;
    } else if (!from || !at || from.assignment !== now.assignment || at.assignment !== there) {
      [from, at] = [now, target.state.peek()];
    } else {
      const wanted = follow(from, now, at, source.sliceSpacing(), target.sliceSpacing());
      untracked(() => void target.take(wanted));
    }
  });
}
