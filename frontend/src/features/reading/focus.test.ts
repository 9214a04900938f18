import { expect, test } from 'vitest';
import { focusCriterion, focusHeading, focusNote, leaveForCriterion, settleFocus } from './focus';

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

test('the key after Esc is not written into the note any more', () => {
  document.body.innerHTML = '<label class="comment"><textarea></textarea></label>';
  focusNote();
  leaveForCriterion(0);
  expect(document.activeElement?.tagName).toBe('BODY');
});

test('Tab right after a score leads on and is not taken back', async () => {
  document.body.innerHTML = `
    <fieldset data-criterion-index="0"><input type="radio" checked /></fieldset>
    <input id="next" />`;
  const next = document.querySelector<HTMLElement>('#next');
  focusCriterion(0);
  next?.focus();
  await new Promise((resolve) => requestAnimationFrame(resolve));
  expect(document.activeElement).toBe(next);
});

test('Tab right after a score starts from the level that was chosen', () => {
  document.body.innerHTML = `
    <fieldset data-criterion-index="0"><input type="radio" name="a" id="first" /><input type="radio" name="a" id="chosen" checked /></fieldset>`;
  document.querySelector<HTMLElement>('#first')?.focus();
  focusCriterion(0);
  settleFocus();
  expect(document.activeElement?.id).toBe('chosen');
});

test('a heading takes the focus that was lost with the rubric, and no other', () => {
  document.body.innerHTML = '<button id="tool"></button><section class="interlude"><h2 tabindex="-1"></h2></section>';
  document.querySelector<HTMLElement>('#tool')?.focus();
  focusHeading('.interlude');
  settleFocus();
  expect(document.activeElement?.id).toBe('tool');
  document.querySelector<HTMLElement>('#tool')?.remove();
  focusHeading('.interlude');
  settleFocus();
  expect(document.activeElement?.tagName).toBe('H2');
});
