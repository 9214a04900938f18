import { keysText, type Action } from '../../lib/keymap';
import type { MouseButton, MouseTool } from '../../api/types';
import { t, told } from '../../lib/i18n';
import type { Desk } from './desk';
import { SheetDialog } from './SheetDialog';

export const BUTTON_LABELS = {
  left: 'Left button',
  middle: 'Middle button',
  right: 'Right button',
  wheel: 'Wheel',
} as const satisfies Record<MouseButton, string>;
export const TOOL_LABELS = {
  window: 'Window',
  zoom: 'Zoom',
  pan: 'Move',
  scroll: 'Scroll the slices',
} as const satisfies Record<MouseTool, string>;

/** All keys on one sheet, as the reader has set them. */
export function HelpSheet({ actions, desk }: { actions: readonly Action[]; desk: Desk }) {
  const groups = [...new Set(actions.map((action) => action.group))];
  return (
    <SheetDialog desk={desk} name="help" title={t('Keys')}>
      <div class="sheet-groups">
        {groups.map((group) => (
          <section key={group}>
            <h3>{told(group)}</h3>
            <dl>
              {actions
                .filter((action) => action.group === group)
                .map((action) => (
                  <KeyLine key={action.id} keys={keysText(action)} label={action.label} />
                ))}
            </dl>
          </section>
        ))}
        <MouseLines desk={desk} />
      </div>
      <button type="button" class="button-quiet" onClick={() => (desk.sheet.value = 'settings')}>
        {t('Change keys and mouse')}
      </button>
      <a class="button-quiet" href={desk.config.display_check_url}>
        {t('Test this screen')}
      </a>
    </SheetDialog>
  );
}

function MouseLines({ desk }: { desk: Desk }) {
  const { mouse } = desk.preferences.current.value;
  const buttons = Object.keys(BUTTON_LABELS) as MouseButton[];
  return (
    <section>
      <h3>{t('Mouse and touch')}</h3>
      <dl>
        {buttons.map((button) => (
          <KeyLine key={button} keys={t(BUTTON_LABELS[button])} label={t(TOOL_LABELS[mouse[button]])} />
        ))}
        <KeyLine keys={t('Two fingers')} label={t('Zoom')} />
      </dl>
    </section>
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
