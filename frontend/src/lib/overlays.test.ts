import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { CaseImage, OverlayPicture } from '../api/types';
import { aCase } from '../testing/fakes';
import { hasOverlays, isDrawnAt, overlaysOn, packedBits } from './overlays';

function aPicture(packed: number[], change: Partial<OverlayPicture> = {}): OverlayPicture {
  const bits = deflateSync(Uint8Array.from(packed)).toString('base64');
  return { kind: 'G', left: 0, top: 0, width: 3, height: 3, bits, ...change };
}

const [FIRST, SECOND] = [aPicture([1]), aPicture([2], { kind: 'R' })];
const IMAGE: CaseImage = {
  ...aCase('a').image,
  frames: [3, 1, 2].map((frame_number) => ({ url: '', sop_instance_uid: '1.2', frame_number })),
  overlays: { '1.2': { pictures: [FIRST, SECOND], frames: [[0, 1], [], [1]] } },
};

test('a slice has what its frame names, in the order of the stack', () => {
  expect([0, 1, 2].map((slice) => overlaysOn(IMAGE, slice))).toEqual([[SECOND], [FIRST, SECOND], []]);
  expect(overlaysOn(IMAGE, 3)).toEqual([]);
  expect([hasOverlays(IMAGE), hasOverlays(aCase('b').image), hasOverlays(undefined)]).toEqual([true, false, false]);
});

test('the first pixel is in the lowest bit, and rows follow without a gap', async () => {
  const isDrawn = isDrawnAt(await packedBits(aPicture([0b00001001, 0b00000001])));
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8].filter(isDrawn)).toEqual([0, 3, 8]);
  expect(isDrawn(16)).toBe(false);
});

test('bits that are damaged are no picture', async () => {
  await expect(packedBits({ ...FIRST, bits: btoa('no stream') })).rejects.toThrow();
});
