/** Brings the focus to a criterion's chosen level, else its first, once the screen shows it. */
export function focusCriterion(index: number): void {
  requestAnimationFrame(() => {
    const group = document.querySelector<HTMLElement>(`[data-criterion-index="${index}"]`);
    const chosen = group?.querySelector<HTMLElement>('input:checked') ?? group?.querySelector<HTMLElement>('input') ?? group;
    chosen?.focus({ preventScroll: true });
    group?.scrollIntoView({ block: 'nearest' });
  });
}

export function focusNote(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>('.comment textarea')?.focus());
}

/** Whether the focus is on a criterion, or nowhere. */
export function isAmongCriteria(): boolean {
  const { activeElement } = document;
  return activeElement === null || activeElement === document.body || activeElement.closest('[data-criterion-index]') !== null;
}
