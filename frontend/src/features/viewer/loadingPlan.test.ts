import { signal } from '@preact/signals';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Case } from '../../api/types';
import { withIndex, withoutIndex, type Runs } from '../../lib/loadOrder';
import { aCase } from '../../testing/fakes';
import { FrameError } from './frameFetch';
import type { FrameLoad } from './frameLoader';
import { LoadingPlan } from './loadingPlan';

class Frames implements FrameLoad {
  readonly loaded = signal<Runs>([]);
  readonly frameBytes = 1;
  readonly imageIds: string[];
  constructor(readonly name: string, count: number) {
    this.imageIds = Array.from({ length: count }, (_, index) => `${name}${index}`);
  }
  async load(index: number): Promise<void> {
    asked.push(this.imageIds[index]!);
    await answer(this.imageIds[index]!);
    this.loaded.value = withIndex(this.loaded.value, index);
  }
  release(): void {
    this.loaded.value = [];
  }
}

let asked: string[] = [];
let released: string[] = [];
let answer: (imageId: string) => Promise<void>;
let timers: { callback: () => void; milliseconds: number }[] = [];
let loads: Map<string, Frames>;

beforeEach(() => {
  [asked, released, timers] = [[], [], []];
  answer = () => Promise.resolve();
  loads = new Map(['a', 'b', 'c', 'd'].map((name) => [name, new Frames(name, 5)]));
});

function planWith(budgetBytes: number): LoadingPlan {
  return new LoadingPlan({
    framesOf: ({ assignment }) => {
      const frames = loads.get(assignment);
      if (!frames) throw new Error('The case came without the description of one of its images.');
      return frames;
    },
    release: ({ assignment }) => released.push(assignment),
    drop: (imageId) => {
      const frames = loads.get(imageId[0]!)!;
      frames.loaded.value = withoutIndex(frames.loaded.value, Number(imageId.slice(1)));
    },
    budgetBytes,
    schedule: (callback, milliseconds) => {
      const timer = { callback, milliseconds };
      timers.push(timer);
      return () => (timers = timers.filter((one) => one !== timer));
    },
    idle: () => Promise.resolve(),
  });
}

const cases = (...names: string[]): Case[] => names.map((name) => aCase(name));
const settled = (): Promise<void> => vi.waitFor(() => new Promise<void>((resolve) => setTimeout(resolve, 0)));

/** Opens and draws: what the viewer asks for by hand is loaded. */
function draw(plan: LoadingPlan, name: string, index = 2): void {
  const frames = loads.get(name)!;
  frames.loaded.value = withIndex(frames.loaded.value, index);
  plan.look(name, index);
}

test('nothing is fetched before the case is drawn; then the next opening, this case outwards, the next case', async () => {
  const plan = planWith(100);
  plan.hold(cases('a', 'b'));
  await settled();
  expect(asked).toEqual([]);
  draw(plan, 'a');
  await settled();
  expect(asked).toEqual(['b2', 'a3', 'a1', 'a4', 'a0', 'b3', 'b1', 'b4', 'b0']);
});

test('a case that was left is not loaded any more, and its slices go when the next is left too', async () => {
  let go: () => void = () => undefined;
  answer = () => new Promise((resolve) => (go = resolve));
  const plan = planWith(100);
  plan.hold(cases('a'));
  draw(plan, 'a');
  await settled();
  expect(asked).toEqual(['a3', 'a1', 'a4', 'a0']);
  loads.set('a', new Frames('a', 30));
  asked = [];
  plan.hold(cases('a'));
  plan.hold(cases('b'));
  go();
  await settled();
  expect(asked).toEqual([]);
  plan.hold(cases('c'));
  expect(released).toEqual(['a']);
  plan.hold(cases('b', 'c'));
  plan.hold(cases('c'));
  expect(released).toEqual(['a']);
});

test('beyond the budget a window goes with the reader: the furthest is dropped, and the bar says so', async () => {
  loads.set('a', new Frames('a', 20));
  const plan = planWith(5);
  plan.hold(cases('a'));
  draw(plan, 'a', 9);
  await settled();
  expect(loads.get('a')!.loaded.value).toEqual([[7, 11]]);
  draw(plan, 'a', 10);
  await settled();
  expect(loads.get('a')!.loaded.value).toEqual([[8, 12]]);
  draw(plan, 'a', 19);
  await settled();
  expect(loads.get('a')!.loaded.value).toEqual([[15, 19]]);
});

test('without an answer all waits, longer each time, and goes on where it was', async () => {
  answer = () => Promise.reject(new FrameError(0));
  const plan = planWith(100);
  plan.hold(cases('a'));
  draw(plan, 'a');
  await settled();
  expect(asked.length).toBeLessThanOrEqual(4);
  expect(timers.map(({ milliseconds }) => milliseconds)).toEqual([1000]);
  timers.pop()!.callback();
  await settled();
  expect(timers.map(({ milliseconds }) => milliseconds)).toEqual([2000]);
  answer = () => Promise.resolve();
  timers.pop()!.callback();
  await settled();
  expect(loads.get('a')!.loaded.value).toEqual([[0, 4]]);
  expect(timers).toEqual([]);
});

test('when the network is back it is tried at once', async () => {
  answer = () => Promise.reject(new FrameError(0));
  const plan = planWith(100);
  plan.hold(cases('a'));
  draw(plan, 'a');
  await settled();
  answer = () => Promise.resolve();
  plan.retry();
  await settled();
  expect(timers).toEqual([]);
  expect(loads.get('a')!.loaded.value).toEqual([[0, 4]]);
});

test('a frame that failed alone holds nothing up; one that was refused is not asked for again by itself', async () => {
  answer = (imageId) => (imageId === 'a3' ? Promise.reject(new FrameError(503)) : imageId === 'a1' ? Promise.reject(new FrameError(404)) : Promise.resolve());
  const plan = planWith(100);
  plan.hold(cases('a'));
  draw(plan, 'a');
  await settled();
  expect(loads.get('a')!.loaded.value).toEqual([[0, 0], [2, 2], [4, 4]]);
  [asked, answer] = [[], () => Promise.resolve()];
  timers.pop()!.callback();
  await settled();
  expect(asked).toEqual(['a3']);
});

test('a case that came without its description stops no other', async () => {
  loads.delete('b');
  const plan = planWith(100);
  plan.hold(cases('a', 'b'));
  draw(plan, 'a');
  await settled();
  expect(loads.get('a')!.loaded.value).toEqual([[0, 4]]);
});
