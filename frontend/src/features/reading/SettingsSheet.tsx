import { useSignal, type Signal } from '@preact/signals';
import type { MouseButton, MouseTool, Preferences } from '../../api/types';
import { t, told } from '../../lib/i18n';
import { chordOf, keysText, type ActionDescription } from '../../lib/keymap';
import type { Desk } from './desk';
import { BUTTON_LABELS, TOOL_LABELS } from './HelpSheet';
import { digitChoices, withKey, withoutKeys } from './keyChoices';
import { SheetDialog } from './SheetDialog';

/** Keys and mouse as the reader wants them. The server says what cannot be, and why. */
export function SettingsSheet({ desk }: { desk: Desk }) {
  return (
    <SheetDialog desk={desk} name="settings" title={t('Keys and mouse')}>
      <SettingsForm desk={desk} />
    </SheetDialog>
  );
}

function SettingsForm({ desk }: { desk: Desk }) {
  const wanted = useSignal<Preferences>(desk.preferences.current.value);
  const said = useSignal<{ text: string; isRefusal: boolean }>({ text: '', isRefusal: false });
  const save = async (): Promise<void> => {
    const refusal = await desk.preferences.save({ keys: wanted.value.keys, mouse: wanted.value.mouse });
    said.value = { text: refusal ?? t('Stored with your account.'), isRefusal: refusal !== null };
  };
  const toDefaults = (): void => {
    const entries = Object.entries(desk.config.mouse_tools).map(([button, tools]) => [button, tools[0]]);
    wanted.value = { ...wanted.value, keys: {}, mouse: Object.fromEntries(entries) as Preferences['mouse'] };
  };
  const changeable = desk.config.actions.filter((action) => action.keys.length > 0);
  return (
    <div class="settings">
      <MouseChoices desk={desk} wanted={wanted} />
      <p>{t('Press a button below, then the new key. Esc leaves the old one.')}</p>
      <div class="sheet-groups">
        {[...new Set(changeable.map((action) => action.group))].map((group) => (
          <section key={group}>
            <h3>{told(group)}</h3>
            {changeable
              .filter((action) => action.group === group)
              .map((action) => (
                <KeyChoice key={action.id} action={action} wanted={wanted} />
              ))}
          </section>
        ))}
      </div>
      <p class="notice" role="alert" data-refused={said.value.isRefusal}>
        {said.value.text}
      </p>
      <div class="settings-buttons">
        <button type="button" class="button" data-settings="save" onClick={() => void save()}>
          {t('Store')}
        </button>
        <button type="button" class="button-quiet" data-settings="defaults" onClick={toDefaults}>
          {t('Back to the defaults')}
        </button>
      </div>
    </div>
  );
}

function MouseChoices({ desk, wanted }: { desk: Desk; wanted: Signal<Preferences> }) {
  const choose = (button: MouseButton, tool: MouseTool): void => {
    wanted.value = { ...wanted.value, mouse: { ...wanted.value.mouse, [button]: tool } };
  };
  const buttons = Object.keys(BUTTON_LABELS) as MouseButton[];
  return (
    <div class="settings-mouse">
      {buttons.map((button) => (
        <label key={button}>
          {t(BUTTON_LABELS[button])}
          <select name={button} value={wanted.value.mouse[button]} onChange={(event) => choose(button, event.currentTarget.value as MouseTool)}>
            {desk.config.mouse_tools[button].map((tool) => (
              <option key={tool} value={tool}>
                {t(TOOL_LABELS[tool])}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}

function KeyChoice({ action, wanted }: { action: ActionDescription; wanted: Signal<Preferences> }) {
  const isListening = useSignal(false);
  const keys = wanted.value.keys[action.id] ?? action.keys;
  const label = action.label;
  const onKey = (event: KeyboardEvent): void => {
    if (!isListening.value || event.key === 'Tab') return;
    event.preventDefault();
    event.stopPropagation();
    const chord = chordOf(event);
    // A modifier by itself is the beginning of a chord.
    if (chord === null || chord === 'Shift') return;
    isListening.value = false;
    if (chord !== 'Escape') wanted.value = withKey(wanted.value, action, chord);
  };
  return (
    <div class="sheet-line" data-action-keys={action.id}>
      {action.by_place ? (
        <DigitChoice action={action} wanted={wanted} label={label} />
      ) : (
        <button
          type="button"
          class="button-quiet"
          aria-label={t('Change the key for “{label}”, now {keys}', { label, keys: keysText({ ...action, keys }) })}
          onClick={() => (isListening.value = true)}
          onKeyDown={onKey}
          onBlur={() => (isListening.value = false)}
        >
          <kbd>{isListening.value ? t('Press a key…') : keysText({ ...action, keys })}</kbd>
        </button>
      )}
      <span>{label}</span>
      {wanted.value.keys[action.id] && (
        <button
          type="button"
          class="button-quiet"
          aria-label={t('Default key for “{label}”', { label })}
          onClick={() => (wanted.value = withoutKeys(wanted.value, action))}
        >
          ↺
        </button>
      )}
    </div>
  );
}

function DigitChoice({ action, wanted, label }: { action: ActionDescription; wanted: Signal<Preferences>; label: string }) {
  const keys = wanted.value.keys[action.id] ?? action.keys;
  const choices = digitChoices(action.keys.length);
  const chosen = choices.findIndex((choice) => choice[0] === keys[0]);
  const choose = (index: number): void => {
    const choice = choices[index];
    if (choice) wanted.value = { ...wanted.value, keys: { ...wanted.value.keys, [action.id]: choice } };
  };
  return (
    <select aria-label={label} value={String(chosen)} onChange={(event) => choose(Number(event.currentTarget.value))}>
      {choices.map((choice, index) => (
        <option key={index} value={String(index)}>
          {keysText({ ...action, keys: choice })}
        </option>
      ))}
    </select>
  );
}
