import { expect, test } from 'vitest';
import { focusCriterion, focusNote } from './focus';

test('a note that is begun right after a score keeps the keys', async () => {
  document.body.innerHTML = `
    <fieldset data-criterion-index="0"><input type="radio" /></fieldset>
    <label class="comment"><textarea></textarea></label>`;
  focusCriterion(0);
  focusNote();
  const shown = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  expect(document.activeElement?.tagName).toBe('TEXTAREA');
  await shown;
  expect(document.activeElement?.tagName).toBe('TEXTAREA');
  focusCriterion(0);
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  expect(document.activeElement?.tagName).toBe('INPUT');
});
