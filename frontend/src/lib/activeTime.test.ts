import { expect, test } from 'vitest';
import { IDLE_LIMIT_SECONDS, activeSeconds, advance, startActivity, type Activity, type ActivityEvent } from './activeTime';

const seconds = (count: number): number => count * 1000;

function run(start: Activity, ...events: ActivityEvent[]): Activity {
  return events.reduce(advance, start);
}

test('counts while there is input within the idle limit', () => {
  const activity = run(
    startActivity(0, true, true),
    { kind: 'input', at: seconds(30) },
    { kind: 'input', at: seconds(80) },
    { kind: 'tick', at: seconds(100) },
  );
  expect(activeSeconds(activity)).toBe(100);
});

test('leaves the coffee break out but for the idle limit', () => {
  const activity = run(
    startActivity(0, true, true),
    { kind: 'input', at: seconds(10) },
    { kind: 'input', at: seconds(910) },
    { kind: 'tick', at: seconds(915) },
  );
  expect(activeSeconds(activity)).toBe(10 + IDLE_LIMIT_SECONDS + 5);
});

test('counts nothing while the tab is hidden or the window has no focus', () => {
  const activity = run(
    startActivity(0, true, true),
    { kind: 'visibility', at: seconds(5), isVisible: false },
    { kind: 'visibility', at: seconds(25), isVisible: true },
    { kind: 'focus', at: seconds(30), isFocused: false },
    { kind: 'input', at: seconds(40) },
    { kind: 'focus', at: seconds(50), isFocused: true },
    { kind: 'tick', at: seconds(52) },
  );
  expect(activeSeconds(activity)).toBe(5 + 5 + 2);
});

test('does not count a moment twice however often it is asked', () => {
  const tick: ActivityEvent = { kind: 'tick', at: seconds(20) };
  expect(activeSeconds(run(startActivity(0, true, true), tick, tick, { kind: 'tick', at: seconds(10) }, tick))).toBe(20);
});

test('goes on from what was counted before a reload', () => {
  expect(activeSeconds(run(startActivity(0, true, true, 7000), { kind: 'tick', at: seconds(3) }))).toBe(10);
});
