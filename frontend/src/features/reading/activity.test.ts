import { expect, it, vi } from 'vitest';
import { ActivityWatch } from './activity';

it('counts what is done in the second window, and no more when it is closed', () => {
  vi.spyOn(document, 'hasFocus').mockReturnValue(true);
  let now = 0;
  const watch = new ActivityWatch(() => now);
  const second = new EventTarget();
  watch.watch(second as Window);
  const passes = (seconds: number): number => {
    now += seconds * 1000;
    return watch.activeMs() / 1000;
  };
  dispatchEvent(new Event('blur'));
  second.dispatchEvent(new Event('focus'));
  expect(passes(50)).toBe(50);
  second.dispatchEvent(new Event('pointermove'));
  expect(passes(50)).toBe(100);
  second.dispatchEvent(new Event('blur'));
  expect(passes(5)).toBe(100);
  second.dispatchEvent(new Event('focus'));
  vi.spyOn(document, 'hasFocus').mockReturnValue(false);
  second.dispatchEvent(new Event('pagehide'));
  expect(passes(5)).toBe(100);
});

it('goes on counting the next case where the focus is in the second window', () => {
  vi.spyOn(document, 'hasFocus').mockReturnValue(false);
  let now = 0;
  const watch = new ActivityWatch(() => now);
  const second = Object.assign(new EventTarget(), { document: { hasFocus: () => true } });
  watch.watch(second as unknown as Window);
  watch.restart(0);
  now = 50_000;
  expect(watch.activeMs()).toBe(50_000);
});

it('counts nothing of a case that comes while nobody is there, until somebody is', () => {
  vi.spyOn(document, 'hasFocus').mockReturnValue(true);
  let now = 0;
  const watch = new ActivityWatch(() => now);
  now = 600_000;
  watch.restart(0, true);
  now = 700_000;
  expect(watch.activeMs()).toBe(0);
  dispatchEvent(new Event('keydown'));
  now = 710_000;
  expect(watch.activeMs()).toBe(10_000);
  watch.restart(0);
  now = 720_000;
  expect(watch.activeMs()).toBe(10_000);
});
