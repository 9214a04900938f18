import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../../lib/i18n';
import type { Desk, Sheet } from './desk';
import { focusCriterion } from './focus';

interface Props {
  desk: Desk;
  name: Exclude<Sheet, null>;
  title: string;
  children: ComponentChildren;
}

/** A dialog over the room; however it is left, the focus goes back to the current criterion. */
export function SheetDialog({ desk, name, title, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const wasOpen = useRef(false);
  const isOpen = desk.sheet.value === name;
  useLayoutEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    else if (!isOpen) dialog.current?.close();
    // Not when the browser tells of it: the next key may have put the focus elsewhere.
    if (wasOpen.current && !isOpen) focusCriterion(desk.room.criterionIndex.value);
    wasOpen.current = isOpen;
  }, [isOpen]);
  // The keys are the room's again at once: the browser tells of a dialog that was closed when it has time to.
  const leave = (): void => {
    if (desk.sheet.value === name) desk.sheet.value = null;
  };
  const closed = (): void => {
    if (!dialog.current?.open) leave();
  };
  return (
    <dialog ref={dialog} class="sheet" data-sheet={name} aria-labelledby={`sheet-${name}`} onCancel={leave} onClose={closed}>
      <h2 id={`sheet-${name}`}>{title}</h2>
      {isOpen && children}
      <form method="dialog" class="sheet-end" onSubmit={leave}>
        <button class="button" type="submit">
          {t('Close')}
        </button>
      </form>
    </dialog>
  );
}
