import { utilities, type Types } from '@cornerstonejs/core';

type Decode = (isScaled: boolean) => Promise<Types.IImage>;

/**
 * Decodes a frame, and brings it to modality units itself where the library cuts the values off.
 *
 * The library chooses the array by the ends of the rescaled values alone, and puts the unscaled ones into it: with a
 * slope of .5, 0 to 400 become 0 to 200, so it takes bytes, and 300 does not go into one; nor does 12.5.
 */
export async function decodeToUnits(decode: Decode): Promise<Types.IImage> {
  const image = await decode(true);
  return isCutOff(image) ? inUnits(await decode(false)) : image;
}

function isCutOff({ preScale, slope, intercept, dataType }: Types.IImage): boolean {
  const isWhole = Number.isInteger(slope) && Number.isInteger(intercept);
  return preScale?.scaled === true && !isWhole && dataType !== 'Float32Array';
}

/** The same image with its values times slope plus intercept, PS3.3 C.11.1.1.2, as floating point numbers. */
function inUnits(image: Types.IImage): Types.IImage {
  const { slope, intercept, width, height } = image;
  const scalarData = Float32Array.from(image.getPixelData(), (stored) => stored * slope + intercept);
  const [lower, upper] = [image.minPixelValue, image.maxPixelValue].map((stored) => stored * slope + intercept) as [number, number];
  if (image.imageFrame) image.imageFrame.pixelData = scalarData;
  return Object.assign(image, {
    dataType: 'Float32Array',
    voxelManager: utilities.VoxelManager.createImageVoxelManager({ scalarData, width, height, numberOfComponents: 1 }),
    getPixelData: () => scalarData,
    minPixelValue: Math.min(lower, upper),
    maxPixelValue: Math.max(lower, upper),
    sizeInBytes: scalarData.byteLength,
    preScale: { enabled: true, scaled: true, scalingParameters: { rescaleSlope: slope, rescaleIntercept: intercept } },
  });
}
