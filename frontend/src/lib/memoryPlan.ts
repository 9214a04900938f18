import { firstSlice, outwardsFrom } from './loadOrder';

const GIGABYTE = 1024 ** 3;

/** The slices of one case, and the one that the reader is at or will open with. */
export interface SliceStack {
  count: number;
  /** Of one decoded slice. */
  sliceBytes: number;
  place: number;
}

export interface Slice<Stack> {
  stack: Stack;
  index: number;
}

/** The cases in hand: the open one, the one after it, and those to keep as long as there is room for them. */
export interface Stacks<Stack> {
  current: Stack;
  next: Stack | null;
  kept: readonly Stack[];
}

/**
 * Bytes for decoded slices: an eighth of the machine's memory, from 64 MB to 2 GB.
 *
 * The browser tells the memory in GB, rounded, and some (Firefox, Safari, pages without https) tell nothing: 4 GB are
 * supposed then. An eighth, for what is decoded lies in memory a second time as the graphics card's texture or in the
 * decoder's own memory, and other tabs, the browser and the hospital's programs want theirs; a tab beyond 2 to 4 GB is
 * ended by the browser, whatever the machine has.
 */
export function budgetBytes(deviceGigabytes: number | undefined): number {
  return Math.min(2, Math.max(1 / 16, (deviceGigabytes ?? 4) / 8)) * GIGABYTE;
}

/**
 * The slices to have in memory, the most wanted first, in no more than so many bytes (the slice on the screen is there
 * in any case). First what is on the screen, the picture that the next case opens with, and the one that each kept case
 * was left at; then the open case from the reader's place outwards, the next case from its first picture outwards, and
 * the rest of the kept ones. Of a stack that is too large there remains a window around the reader.
 */
export function planSlices<Stack extends SliceStack>({ current, next, kept }: Stacks<Stack>, budget: number): Slice<Stack>[] {
  const stacks = [current, ...(next ? [next] : []), ...kept];
  const planned = stacks.map((stack) => ({ stack, index: placeIn(stack) }));
  let left = budget - stacks.reduce((sum, { sliceBytes }) => sum + sliceBytes, 0);
  if (left < 0) return planned.slice(0, firstFitting(stacks, budget));
  for (const stack of stacks) {
    const more = Math.min(stack.count - 1, Math.floor(left / stack.sliceBytes));
    for (const index of outwardsFrom(placeIn(stack), stack.count).slice(1, more + 1)) planned.push({ stack, index });
    left -= more * stack.sliceBytes;
  }
  return planned;
}

/** How many of the stacks have their one picture within the budget; at least the first. */
function firstFitting(stacks: readonly SliceStack[], budget: number): number {
  let left = budget;
  const tooMany = stacks.findIndex(({ sliceBytes }) => (left -= sliceBytes) < 0);
  return Math.max(1, tooMany);
}

function placeIn({ place, count }: SliceStack): number {
  return place >= 0 && place < count ? place : firstSlice(count);
}
