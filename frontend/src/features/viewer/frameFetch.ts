import { Enums, registerImageLoader, type Types } from '@cornerstonejs/core';
import { createImage } from '@cornerstonejs/dicom-image-loader';
import { decodeToUnits } from './modalityUnits';

const HTJ2K = '1.2.840.10008.1.2.4.202';

/** A frame that could not be fetched or decoded; `status` is the server's answer, 0 where none came. */
export class FrameError extends Error {
  constructor(
    readonly status: number | null,
    cause?: unknown,
  ) {
    super('The image could not be loaded.', { cause });
    this.name = 'FrameError';
  }
}

/**
 * Stands in for the library's own fetching of frames, which leaves a refused request without a reason and
 * the page with an unhandled rejection. Decoding is the library's.
 */
export function registerFrameFetch(): void {
  registerImageLoader('wadors', (imageId: string, options?: Record<string, unknown>) => ({
    promise: fetchAndDecode(imageId, options ?? {}),
  }));
}

async function fetchAndDecode(imageId: string, options: Record<string, unknown>): Promise<Types.IImage> {
  const response = await request(imageId.slice('wadors:'.length));
  const codestream = new Uint8Array(await response.arrayBuffer());
  const syntax = transferSyntaxOf(response.headers.get('Content-Type'));
  try {
    const image = await decodeToUnits(
      (isScaled) => createImage(imageId, codestream, syntax, { ...options, preScale: { enabled: isScaled } }) as Promise<Types.IImage>,
    );
    return Object.assign(image, { imageQualityStatus: Enums.ImageQualityStatus.FULL_RESOLUTION });
  } catch (error) {
    throw new FrameError(null, error);
  }
}

async function request(url: string): Promise<Response> {
  const headers = { Accept: 'application/octet-stream; transfer-syntax=*' };
  let response: Response;
  try {
    response = await fetch(url, { headers, credentials: 'same-origin', redirect: 'manual' });
  } catch (error) {
    throw new FrameError(0, error);
  }
  // To be sent elsewhere means to be sent to the sign-in page.
  if (response.type === 'opaqueredirect') throw new FrameError(401);
  if (!response.ok) throw new FrameError(response.status);
  return response;
}

/** The transfer syntax that the answer names, else that of the stored frames. */
export function transferSyntaxOf(contentType: string | null): string {
  return /transfer-syntax="?([\d.]+)/.exec(contentType ?? '')?.[1] ?? HTJ2K;
}
