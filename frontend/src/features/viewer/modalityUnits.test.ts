import type { Types } from '@cornerstonejs/core';
import { expect, test, vi } from 'vitest';
import { decodeToUnits } from './modalityUnits';

vi.mock('@cornerstonejs/core', () => ({ utilities: { VoxelManager: { createImageVoxelManager: (made: unknown) => made } } }));

function anImage(pixels: ArrayLike<number>, slope: number, intercept: number, isScaled: boolean, dataType: string): Types.IImage {
  const [minPixelValue, maxPixelValue] = [Math.min(...Array.from(pixels)), Math.max(...Array.from(pixels))];
  const own = { slope, intercept, dataType, minPixelValue, maxPixelValue, width: pixels.length, height: 1 };
  return { ...own, preScale: { scaled: isScaled }, getPixelData: () => pixels } as unknown as Types.IImage;
}

test('values that the library cut off are made again from the stored ones', async () => {
  const cut = anImage(Uint8Array.of(0, 150, 22), 0.5, 0, true, 'Uint8Array');
  const stored = anImage(Uint16Array.of(0, 301, 400), 0.5, 0, false, 'Uint16Array');
  const image = await decodeToUnits((isScaled) => Promise.resolve(isScaled ? cut : stored));
  expect(Array.from(image.getPixelData())).toEqual([0, 150.5, 200]);
  expect([image.minPixelValue, image.maxPixelValue, image.sizeInBytes, image.dataType]).toEqual([0, 200, 12, 'Float32Array']);
  expect(image.preScale?.scaled).toBe(true);
});

test.each([
  ['whole numbers', anImage(Int16Array.of(-1024, 3), 1, -1024, true, 'Int16Array')],
  ['floating point numbers', anImage(Float32Array.of(0.5, 3), 0.5, 0, true, 'Float32Array')],
  ['what is not rescaled', anImage(Uint8Array.of(1, 3), 0.5, 0, false, 'Uint8Array')],
])('%s are decoded once', async (_, image) => {
  const decode = vi.fn(() => Promise.resolve(image));
  expect(await decodeToUnits(decode)).toBe(image);
  expect(decode).toHaveBeenCalledOnce();
});
