let frame = 0;
let wanted: (() => void) | null = null;

/**
 * Once the screen shows it; what was wanted before and did not come about yet is not wanted any more.
 * Where the reader goes meanwhile, the focus stays.
 */
function onceShown(focus: () => void): void {
  cancelAnimationFrame(frame);
  const before = document.activeElement;
  wanted = () => {
    if (document.activeElement === before || isLost()) focus();
  };
  frame = requestAnimationFrame(settleFocus);
}

/** Brings about now what is still to come, so that the browser's own Tab starts from there. */
export function settleFocus(): void {
  cancelAnimationFrame(frame);
  wanted?.();
  wanted = null;
}

/** Brings the focus to a criterion's chosen level, else its first, once the screen shows it. */
export function focusCriterion(index: number): void {
  onceShown(() => {
    const group = document.querySelector<HTMLElement>(`[data-criterion-index="${index}"]`);
    const chosen = group?.querySelector<HTMLElement>('input:checked') ?? group?.querySelector<HTMLElement>('input') ?? group;
    chosen?.focus({ preventScroll: true });
    group?.scrollIntoView({ block: 'nearest' });
  });
}

/** To the heading of what stands where the rubric was, where the focus was lost with that. */
export function focusHeading(of: string): void {
  onceShown(() => {
    if (isLost()) document.querySelector<HTMLElement>(`${of} h2`)?.focus({ preventScroll: true });
  });
}

/** Of what is pressed with the mouse: the next key is still the room's, and presses nothing again. */
export function keepFocus(event: MouseEvent): void {
  event.preventDefault();
}

/** At once where it is on the screen, so that the next key is its first letter; else when the rubric is back. */
export function focusNote(): void {
  const note = (): HTMLElement | null => document.querySelector<HTMLElement>('.comment textarea');
  onceShown(() => note()?.focus());
  note()?.focus();
}

/** Leaves what is written in, so that the next key is an action; then back to the criterion. */
export function leaveForCriterion(index: number): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  focusCriterion(index);
}

/** Whether the focus is on a criterion, or nowhere. */
export function isAmongCriteria(): boolean {
  return isLost() || Boolean(document.activeElement?.closest('[data-criterion-index]'));
}

function isLost(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}
