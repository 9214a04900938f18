import { signal } from '@preact/signals';
import { render } from 'preact';
import { expect, test } from 'vitest';
import type { Desk, Sheet } from './desk';
import { SheetDialog } from './SheetDialog';

test('a sheet is left the moment that Esc is pressed, not when the browser tells of it', async () => {
  const sheet = signal<Sheet>(null);
  const desk = { sheet, room: { criterionIndex: signal(0) } } as unknown as Desk;
  render(<SheetDialog desk={desk} name="help" title="Keys">all keys</SheetDialog>, document.body);
  const dialog = document.querySelector('dialog');
  sheet.value = 'help';
  await Promise.resolve();
  expect(dialog?.open).toBe(true);
  dialog?.dispatchEvent(new Event('cancel', { cancelable: true }));
  expect(sheet.value).toBeNull();
  await Promise.resolve();
  expect(dialog?.open).toBe(false);
});

test('word of a sheet that was closed comes late: what was opened or focused since stays', async () => {
  document.body.innerHTML = '<fieldset data-criterion-index="0"><input type="radio"></fieldset><textarea></textarea><div></div>';
  const [sheet, place] = [signal<Sheet>(null), document.querySelector('div')!];
  const desk = { sheet, room: { criterionIndex: signal(0) } } as unknown as Desk;
  const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()));
  render(<SheetDialog desk={desk} name="help" title="Keys">all keys</SheetDialog>, place);
  const dialog = place.querySelector('dialog');
  sheet.value = 'help';
  await Promise.resolve();
  sheet.value = null;
  await Promise.resolve();
  await frame();
  expect(document.activeElement?.tagName).toBe('INPUT');
  document.querySelector('textarea')?.focus();
  dialog?.dispatchEvent(new Event('close'));
  await frame();
  expect(document.activeElement?.tagName).toBe('TEXTAREA');
  sheet.value = 'help';
  await Promise.resolve();
  dialog?.dispatchEvent(new Event('close'));
  expect(sheet.value).toBe('help');
});
