import { afterEach, expect, test, vi } from 'vitest';
import { painted } from './painted';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('a hidden page, which draws nothing, is not waited for', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('requestAnimationFrame', () => 0);
  let isPainted = false;
  void painted().then(() => (isPainted = true));
  await vi.advanceTimersByTimeAsync(99);
  expect(isPainted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(isPainted).toBe(true);
});

test('what follows comes behind the frame', async () => {
  vi.useFakeTimers();
  let draw = (): void => undefined;
  vi.stubGlobal('requestAnimationFrame', (callback: () => void) => ((draw = callback), 0));
  let isPainted = false;
  void painted().then(() => (isPainted = true));
  await vi.advanceTimersByTimeAsync(10);
  expect(isPainted).toBe(false);
  draw();
  await vi.advanceTimersByTimeAsync(1);
  expect(isPainted).toBe(true);
});
