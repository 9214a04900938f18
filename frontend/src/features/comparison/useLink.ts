import { useLayoutEffect } from 'preact/hooks';
import { linkViewers } from '../viewer/linking';
import type { StackViewer } from '../viewer/stackViewer';

export interface Linked {
  main: StackViewer | null;
  other: StackViewer | null;
  /** The other one is in use, and leads. */
  isOtherActive: boolean;
  isLinked: boolean;
}

/** The pane that is not in use goes along with the one that is. */
export function useLink({ main, other, isOtherActive, isLinked }: Linked): void {
  // Before the next key, not after the next picture.
  useLayoutEffect(() => {
    if (!main || !other || !isLinked) return undefined;
    return isOtherActive ? linkViewers(other, main) : linkViewers(main, other);
  }, [main, other, isOtherActive, isLinked]);
}
