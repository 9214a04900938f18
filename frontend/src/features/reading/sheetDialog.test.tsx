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
