import { useEffect } from 'preact/hooks';
import type { Desk } from './desk';
import { focusCriterion } from './focus';

/** Folds the rubric and takes the whole screen, or gives both back. A browser that refuses the screen still folds. */
export function setFolded(desk: Desk, isFolded: boolean): void {
  if (desk.isFolded.value === isFolded) return;
  desk.isFolded.value = isFolded;
  if (isFolded) void document.documentElement.requestFullscreen().catch(() => undefined);
  else if (document.fullscreenElement) void document.exitFullscreen().catch(() => undefined);
  focusCriterion(desk.room.criterionIndex.value);
}

/** Who leaves the whole screen by the browser's own key gets the rubric back. */
export function useUnfoldingWithTheScreen(desk: Desk): void {
  useEffect(() => {
    const onChange = (): void => {
      if (!document.fullscreenElement) setFolded(desk, false);
    };
    document.addEventListener('fullscreenchange', onChange);
    return () => document.removeEventListener('fullscreenchange', onChange);
  }, [desk]);
}
