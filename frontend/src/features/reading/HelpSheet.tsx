import { useEffect, useRef } from 'preact/hooks';
import type { Action } from '../../lib/keymap';
import type { Desk } from './desk';
import { focusCriterion } from './focus';

const MOUSE: readonly [string, string][] = [
  ['Wheel', 'Scroll the slices'],
  ['Left button', 'Window (or what the toolbar says)'],
  ['Right button', 'Zoom'],
  ['Middle button', 'Move'],
  ['Two fingers', 'Zoom'],
];

/** All keys on one sheet. */
export function HelpSheet({ actions, desk }: { actions: readonly Action[]; desk: Desk }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = desk.isHelpOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const close = (): void => {
    desk.isHelpOpen.value = false;
    focusCriterion(desk.room.criterionIndex.value);
  };
  const groups = [...new Set(actions.map((action) => action.group))];
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="help-title" onClose={close}>
      <h2 id="help-title">Keys</h2>
      <div class="sheet-groups">
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {actions
                .filter((action) => action.group === group)
                .map((action) => (
                  <KeyLine key={action.id} keys={action.keysText ?? action.keys.join(' ')} label={action.label} />
                ))}
            </dl>
          </section>
        ))}
        <section>
          <h3>Mouse and touch</h3>
          <dl>
            {MOUSE.map(([keys, label]) => (
              <KeyLine key={keys} keys={keys} label={label} />
            ))}
          </dl>
        </section>
      </div>
      <form method="dialog">
        <button class="button" type="submit">
          Close
        </button>
      </form>
    </dialog>
  );
}

function KeyLine({ keys, label }: { keys: string; label: string }) {
  return (
    <div class="sheet-line">
      <dt>
        <kbd>{keys}</kbd>
      </dt>
      <dd>{label}</dd>
    </div>
  );
}
