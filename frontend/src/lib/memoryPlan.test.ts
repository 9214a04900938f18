import { expect, test } from 'vitest';
import { budgetBytes, planSlices, type SliceStack } from './memoryPlan';

const MEGABYTE = 1024 ** 2;

interface Named extends SliceStack {
  name: string;
}

function stack(name: string, count: number, change: Partial<SliceStack> = {}): Named {
  return { name, count, sliceBytes: 1, place: Math.floor((count - 1) / 2), ...change };
}

function planned(stacks: { current: Named; next?: Named; kept?: Named[] }, budget: number): string[] {
  const plan = planSlices({ next: null, kept: [], ...stacks }, budget);
  return plan.map(({ stack: { name }, index }) => `${name}${index}`);
}

test('an eighth of the memory, and of four gigabytes where the browser tells nothing', () => {
  expect([0.25, 0.5, 4, 8, undefined, 32].map((gigabytes) => budgetBytes(gigabytes) / MEGABYTE)).toEqual([64, 64, 512, 1024, 512, 2048]);
});

test('the screen, the next opening, where the kept ones were left; then this case outwards, the next, the kept', () => {
  const stacks = { current: stack('a', 3), next: stack('b', 3), kept: [stack('z', 2, { place: 1 })] };
  expect(planned(stacks, 100)).toEqual(['a1', 'b1', 'z1', 'a2', 'a0', 'b2', 'b0', 'z0']);
});

test('a stack beyond the budget keeps a window around the reader, and room for the next opening', () => {
  const stacks = { current: stack('a', 1000, { place: 700 }), next: stack('b', 1000), kept: [stack('z', 9)] };
  expect(planned(stacks, 7)).toEqual(['a700', 'b499', 'z4', 'a701', 'a699', 'a702', 'a698']);
});

test('slices of different sizes fill the budget and never pass it', () => {
  const stacks = { current: stack('a', 3, { sliceBytes: 3 }), next: stack('b', 9) };
  expect(planned(stacks, 9)).toEqual(['a1', 'b4', 'a2', 'b5', 'b3']);
});

test('what is on the screen is there in any case, the rest while there is room', () => {
  const large = { sliceBytes: 40 };
  expect(planned({ current: stack('a', 1, large), next: stack('b', 1, large) }, 10)).toEqual(['a0']);
  expect(planned({ current: stack('a', 1, large), next: stack('b', 1, large), kept: [stack('z', 1, large)] }, 100)).toEqual(['a0', 'b0']);
});

test('a place that the stack has not is its middle', () => {
  expect(planned({ current: stack('a', 3, { place: 8 }) }, 1)).toEqual(['a1']);
});
