import { Enums, cache, imageLoader } from '@cornerstonejs/core';
import { signal } from '@preact/signals';
import type { Case } from '../../api/types';
import { firstSlice, outwardsFrom } from '../../lib/loadOrder';
import { forgetMetadata, imageIdsOf, registerMetadata } from './metadata';

/** Frames fetched and decoded at a time in the background; what is asked for by hand goes beside them. */
const AT_ONCE = 4;

export interface FrameLoad {
  readonly imageIds: string[];
  readonly loaded: ReturnType<typeof signal<ReadonlySet<number>>>;
  /** Resolves when this frame is decoded; rejects with a reason. */
  load(index: number): Promise<void>;
  /** Fetches the rest, from this frame outwards. Frames that fail are left for `load`. */
  loadRest(from: number): Promise<void>;
  /** Forgets decoded frames and metadata. */
  release(): void;
}

const loads = new Map<string, FrameLoad>();

/** The frames of a case; the same object for the same assignment, so that prefetching is shared. */
export function framesOf(reading: Case, isCpu: boolean): FrameLoad {
  const known = loads.get(reading.assignment);
  if (known) return known;
  registerMetadata(reading);
  const made = createFrameLoad(reading, isCpu);
  loads.set(reading.assignment, made);
  return made;
}

/** Fetches the first frame of a case that comes next, then the others in idle time. */
export async function prefetchCase(reading: Case, isCpu: boolean): Promise<void> {
  const frames = framesOf(reading, isCpu);
  const first = firstSlice(frames.imageIds.length);
  await frames.load(first);
  await frames.loadRest(first);
}

export function releaseCase(reading: Case): void {
  loads.get(reading.assignment)?.release();
}

function createFrameLoad(reading: Case, isCpu: boolean): FrameLoad {
  const imageIds = imageIdsOf(reading);
  const loaded = signal<ReadonlySet<number>>(new Set());
  let isReleased = false;

  async function load(index: number): Promise<void> {
    const imageId = imageIds[index];
    if (imageId === undefined) return;
    await fetchFrame(imageId, isCpu);
    if (!isReleased && !loaded.value.has(index)) loaded.value = new Set([...loaded.value, index]);
  }

  async function worker(queue: number[]): Promise<void> {
    for (let index = queue.shift(); index !== undefined && !isReleased; index = queue.shift()) {
      await idle();
      await load(index).catch(() => undefined);
    }
  }

  return {
    imageIds,
    loaded,
    load,
    async loadRest(from) {
      const queue = outwardsFrom(from, imageIds.length).filter((index) => !loaded.value.has(index));
      await Promise.all(Array.from({ length: AT_ONCE }, () => worker(queue)));
    },
    release() {
      isReleased = true;
      loads.delete(reading.assignment);
      for (const imageId of imageIds) if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId);
      forgetMetadata(reading);
    },
  };
}

const underway = new Map<string, Promise<void>>();

/** Fetches and decodes one frame once, however many ask; only what succeeded is kept. */
function fetchFrame(imageId: string, isCpu: boolean): Promise<void> {
  if (cache.getImageLoadObject(imageId)) return Promise.resolve();
  const known = underway.get(imageId);
  if (known) return known;
  // The options are those of the viewport itself: what it finds in the cache is what it would have made.
  const options = { requestType: Enums.RequestType.Interaction, priority: 5, useRGBA: isCpu };
  const made = imageLoader
    .loadImage(imageId, options)
    .then((image) => cache.putImageLoadObject(imageId, { promise: Promise.resolve(image) }))
    .finally(() => underway.delete(imageId));
  underway.set(imageId, made);
  return made;
}

function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ('requestIdleCallback' in globalThis) requestIdleCallback(() => resolve(), { timeout: 200 });
    else setTimeout(resolve, 0);
  });
}
