import { t, told } from '../../lib/i18n';
import { keysText, type Action } from '../../lib/keymap';
import { inKeyOrder, isPreset } from '../../lib/windows';
import type { Desk } from './desk';
import { keepFocus } from './focus';
import { ICONS } from './icons';

/** The actions that have an icon, and the window presets. The mouse never takes the focus from the rubric. */
export function Toolbar({ actions, desk }: { actions: readonly Action[]; desk: Desk }) {
  const shown = actions.filter((action) => action.icon !== '' && isOffered(action));
  return (
    <div class="toolbar" role="toolbar" aria-label={t('Image tools')} onMouseDown={keepFocus}>
      {shown.map((action) => (
        <ToolButton key={action.id} action={action} />
      ))}
      <Presets desk={desk} />
    </div>
  );
}

/** What nothing in this case can be done with would only take the others' room. */
function isOffered({ group, isAvailable }: Action): boolean {
  return group !== 'Views' || (isAvailable?.() ?? true);
}

function ToolButton({ action }: { action: Action }) {
  const isAvailable = action.isAvailable?.() ?? true;
  return (
    <button
      type="button"
      class="tool"
      data-action={action.id}
      disabled={!isAvailable}
      aria-pressed={action.isPressed?.()}
      aria-keyshortcuts={action.keys[0] ?? ''}
      title={`${action.label} (${keysText(action)})`}
      onClick={() => void action.perform(0)}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={ICONS[action.icon] ?? ''} />
      </svg>
      <span>{shortLabel(action)}</span>
    </button>
  );
}

/** What stands on the buttons, where the label is a sentence. */
const SHORT = {
  bookmark: 'Bookmark',
  note: 'Note',
  mark: 'Finding',
  window: 'Window',
  zoom: 'Zoom',
  pan: 'Move',
  scroll: 'Scroll',
  measure: 'Measure',
  rotate: 'Rotate',
  'flip-horizontal': 'Flip ↔',
  'flip-vertical': 'Flip ↕',
  reset: 'Reset',
  'compare-anchor': 'Anchor image',
  'compare-prior': 'Earlier image',
  planes: 'Planes',
  graphics: 'Overlays',
  'second-window': 'Second window',
} as const;

function shortLabel({ id, label }: Action): string {
  return id in SHORT ? t(SHORT[id as keyof typeof SHORT]) : label;
}

function Presets({ desk }: { desk: Desk }) {
  const state = desk.active.value?.state.value;
  if (!state || state.presets.length === 0) return null;
  return (
    <div class="presets" role="group" aria-label={t('Window presets')}>
      {inKeyOrder(state.presets).map((preset, index) => (
        <button
          type="button"
          class="tool"
          key={index}
          data-preset={index + 1}
          aria-pressed={isPreset(state.window, preset)}
          title={t('Window {width}, level {level}', { width: preset.width, level: preset.center })}
          onClick={() => desk.active.value?.applyPreset(index)}
        >
          <kbd aria-hidden="true">{index + 1}</kbd>
          <span>{presetName(preset.name)}</span>
        </button>
      ))}
    </div>
  );
}

/** The further windows of a header that names none are numbered. */
function presetName(name: string): string {
  const number = /^Header (\d+)$/.exec(name)?.[1];
  return number === undefined ? told(name) : t('Header {number}', { number });
}
