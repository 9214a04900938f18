import type { Criterion } from '../api/types';

/** More levels than this are set on a slider: too many to stand beside the image. */
const MOST_LEVELS = 11;

/** All levels of a criterion's scale in ascending order. */
export function levelsOf(criterion: Criterion): number[] {
  const count = Math.round((criterion.maximum - criterion.minimum) / criterion.step) + 1;
  return Array.from({ length: count }, (_, index) => round(criterion.minimum + index * criterion.step));
}

export function hasLevels(criterion: Criterion): boolean {
  return (criterion.maximum - criterion.minimum) / criterion.step + 1 <= MOST_LEVELS + 0.5;
}

export function anchorText(criterion: Criterion, value: number): string {
  return criterion.anchors.find((anchor) => anchor.value === value)?.text ?? '';
}

/**
 * The score after a digit key, or null where the scale has no such level. On a scale that goes on after 9
 * digits are typed one after the other (8, then 5, is 85) and begin anew where the number would leave it;
 * on a scale up to 10 the key 0 is the ten, unless the scale has a zero.
 */
export function scoreAfterDigit(criterion: Criterion, current: number | null, digit: number): number | null {
  if (criterion.maximum === 10 && criterion.minimum > 0 && digit === 0) return 10;
  const typed = criterion.maximum > 10 && current !== null ? Math.trunc(current) * 10 + digit : digit;
  if (isOnScale(criterion, typed)) return typed;
  return isOnScale(criterion, digit) ? digit : null;
}

/** The score after one step up or down: the way to half levels; null before the first score. */
export function scoreAfterStep(criterion: Criterion, current: number | null, direction: 1 | -1): number | null {
  if (current === null) return null;
  const next = round(current + direction * criterion.step);
  return isOnScale(criterion, next) ? next : current;
}

export function isOnScale(criterion: Criterion, value: number): boolean {
  if (value < criterion.minimum || value > criterion.maximum) return false;
  const steps = (value - criterion.minimum) / criterion.step;
  return Math.abs(steps - Math.round(steps)) < 1e-6;
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
