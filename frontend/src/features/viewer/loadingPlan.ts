import type { Case } from '../../api/types';
import { backoffMilliseconds } from '../../lib/backoff';
import { firstSlice, isIn } from '../../lib/loadOrder';
import { planSlices, type SliceStack } from '../../lib/memoryPlan';
import { FrameError } from './frameFetch';
import type { FrameLoad } from './frameLoader';

/** Frames fetched and decoded at a time in the background; what is asked for by hand goes beside them. */
const AT_ONCE = 4;

export interface LoadingPlanOptions {
  framesOf: (reading: Case) => FrameLoad;
  /** The slice that a case opens with; the middle one unless told otherwise. */
  openingSlice?: (reading: Case, count: number) => number;
  release: (reading: Case) => void;
  drop: (imageId: string) => void;
  budgetBytes: number;
  /** Calls back later; returns the way to call it off. */
  schedule: (callback: () => void, milliseconds: number) => () => void;
  /** Resolves when the page has nothing better to do. */
  idle: () => Promise<void>;
}

interface LoadedStack extends SliceStack {
  frames: FrameLoad;
}

interface Wanted {
  frames: FrameLoad;
  index: number;
  imageId: string;
  /** The picture that the next case opens with: it waits for nothing. */
  isOpening: boolean;
}

/**
 * What is loaded when: the picture on the screen, the first one of the next case, the rest of this case, then the rest
 * of the next. A change of case or place changes the plan, and what is no longer in it is not asked for any more.
 */
export class LoadingPlan {
  private held: readonly Case[] = [];
  private last: Case | null = null;
  private drawn: string | null = null;
  /** The slice that a case was seen at last, by assignment. */
  private readonly places = new Map<string, number>();
  private queue: Wanted[] = [];
  private planned: ReadonlySet<string> = new Set();
  private readonly underway = new Set<string>();
  /** Failed, and to be tried at the next round; and those that trying won't help. */
  private readonly failed = new Set<string>();
  private readonly refused = new Set<string>();
  private failedRounds = 0;
  private callOff: (() => void) | null = null;

  constructor(private readonly options: LoadingPlanOptions) {}

  /** The cases in hand, the open one first. Of those that are gone the last is kept: going back to it is instant, and offline. */
  hold(cases: readonly Case[]): void {
    const isHeld = (reading: Case): boolean => cases.some(({ assignment }) => assignment === reading.assignment);
    const gone = [this.last, ...this.held].filter((reading) => reading !== null && !isHeld(reading)) as Case[];
    this.last = gone.pop() ?? null;
    for (const reading of gone) if (reading.assignment !== this.last?.assignment) this.release(reading);
    this.held = cases;
    this.replan();
  }

  /** A slice of a case is on the screen. */
  look(assignment: string, index: number): void {
    if (this.drawn === assignment && this.places.get(assignment) === index) return;
    this.drawn = assignment;
    this.places.set(assignment, index);
    this.replan();
  }

  /** The network or the session is back: what failed is tried at once. */
  retry(): void {
    this.callOff?.();
    this.callOff = null;
    this.failedRounds = 0;
    this.failed.clear();
    this.refused.clear();
    this.replan();
  }

  private release(reading: Case): void {
    this.places.delete(reading.assignment);
    this.options.release(reading);
  }

  private replan(): void {
    const [current, next, ...further] = this.held.map((reading) => this.stackOf(reading));
    const last = this.last && this.stackOf(this.last);
    const kept = [last ?? null, ...further].filter((stack) => stack !== null);
    this.queue = [];
    if (!current) return;
    const planned = planSlices({ current, next: next ?? null, kept }, this.options.budgetBytes);
    const wanted = planned.map(
      ({ stack: { frames, place }, index }): Wanted => ({
        frames,
        index,
        imageId: frames.imageIds[index] ?? '',
        isOpening: frames === next?.frames && index === place,
      }),
    );
    this.planned = new Set(wanted.map(({ imageId }) => imageId));
    for (const { frames } of [current, ...(next ? [next] : []), ...kept]) this.dropUnplanned(frames);
    // Before the open case is on the screen nothing else is fetched, and what is kept is not fetched again.
    if (this.drawn !== this.held[0]?.assignment) return;
    this.queue = wanted.filter((one) => (one.frames === current.frames || one.frames === next?.frames) && isMissing(one));
    this.pump();
  }

  /** Null where the case came without what is needed to show it, which the viewer says when it is opened. */
  private stackOf(reading: Case): LoadedStack | null {
    try {
      const frames = this.options.framesOf(reading);
      const count = frames.imageIds.length;
      const opening = this.options.openingSlice?.(reading, count) ?? firstSlice(count);
      return { frames, count, sliceBytes: frames.frameBytes, place: this.places.get(reading.assignment) ?? opening };
    } catch {
      return null;
    }
  }

  private dropUnplanned({ imageIds, loaded }: FrameLoad): void {
    for (const [from, to] of loaded.peek()) {
      for (const imageId of imageIds.slice(from, to + 1)) if (!this.planned.has(imageId)) this.options.drop(imageId);
    }
  }

  private pump(): void {
    while (this.underway.size < AT_ONCE) {
      const one = this.queue.shift();
      if (!one) return;
      const isLeft = this.underway.has(one.imageId) || this.failed.has(one.imageId) || this.refused.has(one.imageId);
      if (!isLeft) void this.fetch(one);
    }
  }

  private async fetch(one: Wanted): Promise<void> {
    this.underway.add(one.imageId);
    try {
      if (!one.isOpening) await this.options.idle();
      if (!this.planned.has(one.imageId)) return;
      await one.frames.load(one.index);
      this.failedRounds = 0;
      if (!this.planned.has(one.imageId)) this.options.drop(one.imageId);
    } catch (error) {
      this.fail(one.imageId, error instanceof FrameError ? error.status : null);
    } finally {
      this.underway.delete(one.imageId);
      this.pump();
    }
  }

  /** No answer: all waits. An answer that may be another later: this frame waits. Else it is left for who asks by hand. */
  private fail(imageId: string, status: number | null): void {
    const isPassing = status === 0 || status === 408 || status === 429 || (status !== null && status >= 500);
    (isPassing ? this.failed : this.refused).add(imageId);
    if (status === 0) this.queue = [];
    if (!isPassing || this.callOff) return;
    this.failedRounds += 1;
    this.callOff = this.options.schedule(() => this.tryAgain(), backoffMilliseconds(this.failedRounds));
  }

  private tryAgain(): void {
    this.callOff = null;
    this.failed.clear();
    this.replan();
  }
}

function isMissing({ frames, index }: Wanted): boolean {
  return !isIn(frames.loaded.peek(), index);
}

export function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ('requestIdleCallback' in globalThis) requestIdleCallback(() => resolve(), { timeout: 200 });
    else setTimeout(resolve, 0);
  });
}
