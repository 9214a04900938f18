import { Enums, cache, eventTarget, imageLoader } from '@cornerstonejs/core';
import { signal, type ReadonlySignal } from '@preact/signals';
import type { Case } from '../../api/types';
import { withIndex, withoutIndex, type Runs } from '../../lib/loadOrder';
import { decodedBytes, forgetMetadata, imageIdsOf, registerMetadata } from './metadata';

/** The decoded frames of one case, in stack order. */
export interface FrameLoad {
  readonly imageIds: readonly string[];
  /** Which are there now. */
  readonly loaded: ReadonlySignal<Runs>;
  /** Of one frame: as the last one came, before that as the metadata say. */
  readonly frameBytes: number;
  /** Resolves when this frame is decoded; rejects with a FrameError. */
  load(index: number): Promise<void>;
  /** Forgets decoded frames and metadata, but for those that another case has too. */
  release(): void;
}

interface Holder extends FrameLoad {
  noteRemoved(imageId: string): void;
}

const loads = new Map<string, Holder>();
/** How many cases have a frame: a repeat, or a corrected case, has those of another. */
const holders = new Map<string, number>();

/** The frames of a case; the same object for the same assignment, so that what is fetched ahead is shared. */
export function framesOf(reading: Case, isCpu: boolean): FrameLoad {
  const known = loads.get(reading.assignment);
  if (known) return known;
  registerMetadata(reading);
  const made = createFrameLoad(reading, isCpu);
  loads.set(reading.assignment, made);
  return made;
}

export function releaseCase(reading: Case): void {
  loads.get(reading.assignment)?.release();
}

/** Takes a decoded frame out of memory; the bars of the cases that had it say so. */
export function dropFrame(imageId: string): void {
  if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId);
}

/** For browser tests: what is in memory. */
export function heldInMemory(): { cases: number; frames: number; decoded: number; bytes: number } {
  const decoded = [...holders.keys()].filter((imageId) => cache.getImageLoadObject(imageId)).length;
  return { cases: loads.size, frames: holders.size, decoded, bytes: cache.getCacheSize() };
}

// Whoever takes a frame out, the library for want of room included: the bar tells the truth.
eventTarget.addEventListener(Enums.Events.IMAGE_CACHE_IMAGE_REMOVED, (event: unknown) => {
  const { imageId } = (event as CustomEvent<{ imageId: string }>).detail;
  for (const load of loads.values()) load.noteRemoved(imageId);
});

function createFrameLoad(reading: Case, isCpu: boolean): Holder {
  const imageIds = imageIdsOf(reading);
  const places = new Map(imageIds.map((imageId, index) => [imageId, index]));
  const loaded = signal<Runs>([]);
  let frameBytes = decodedBytes(reading);
  for (const imageId of imageIds) holders.set(imageId, (holders.get(imageId) ?? 0) + 1);
  return {
    imageIds,
    loaded,
    get frameBytes() {
      return frameBytes;
    },
    async load(index) {
      const imageId = imageIds[index];
      if (imageId === undefined) return;
      await fetchFrame(imageId, isCpu);
      // Released meanwhile, and nobody else's.
      if (!holders.has(imageId)) {
        dropFrame(imageId);
        return;
      }
      loaded.value = withIndex(loaded.value, index);
      frameBytes = cache.getImage(imageId)?.sizeInBytes ?? frameBytes;
    },
    noteRemoved(imageId) {
      const index = places.get(imageId);
      if (index !== undefined) loaded.value = withoutIndex(loaded.value, index);
    },
    release() {
      if (loads.delete(reading.assignment)) letGo(imageIds);
    },
  };
}

function letGo(imageIds: readonly string[]): void {
  for (const imageId of imageIds) {
    const left = (holders.get(imageId) ?? 1) - 1;
    if (left > 0) {
      holders.set(imageId, left);
      continue;
    }
    holders.delete(imageId);
    dropFrame(imageId);
    forgetMetadata(imageId);
  }
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
