import type { CaseImage, OverlayPicture } from '../api/types';

const NONE: readonly OverlayPicture[] = [];

/** What the image's file draws over one of its slices. */
export function overlaysOn({ frames, overlays = {} }: CaseImage, slice: number): readonly OverlayPicture[] {
  const frame = frames[slice];
  const drawn = frame && overlays[frame.sop_instance_uid];
  if (!drawn) return NONE;
  return (drawn.frames[frame.frame_number - 1] ?? []).flatMap((place) => drawn.pictures[place] ?? []);
}

export function hasOverlays(image: CaseImage | undefined): boolean {
  return Object.keys(image?.overlays ?? {}).length > 0;
}

/** The bits of a picture, packed as they were sent. Rejects where they are damaged. */
export async function packedBits({ bits }: OverlayPicture): Promise<Uint8Array> {
  const compressed = Uint8Array.from(atob(bits), (letter) => letter.charCodeAt(0));
  const whole = new Blob([compressed]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(whole).arrayBuffer());
}

/** Whether each pixel is drawn: row after row, the first in the lowest bit of a byte (PS3.5 8.1.2). */
export function isDrawnAt(packed: Uint8Array): (index: number) => boolean {
  return (index) => (((packed[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}
