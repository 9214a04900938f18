/** What of one picture another can do along with it. Zoom in CSS pixels for an image pixel, pan in CSS pixels. */
export interface Followed {
  assignment: string | null;
  modality: string;
  isColour: boolean;
  sliceIndex: number;
  zoom: number;
  pan: [number, number];
  window: { center: number; width: number } | null;
}

export interface Taken {
  sliceIndex: number;
  zoom: number;
  pan: [number, number];
  window: { center: number; width: number } | null;
}

/**
 * How the follower is to stand after the leader went from `from` to `now`, where the follower stood `at` when they were
 * linked: as many millimetres on in the stack (slices where a spacing is not known), zoomed by the same factor, moved
 * as far. Windows go over between images of one modality, grey or coloured both, whose values mean the same; null leaves it as it is.
 */
export function follow(from: Followed, now: Followed, at: Followed, leaderMm: number | null, followerMm: number | null): Taken {
  const ratio = leaderMm && followerMm ? leaderMm / followerMm : 1;
  const isWindowed = now.window?.center !== from.window?.center || now.window?.width !== from.window?.width;
  const isAlike = now.modality === at.modality && now.isColour === at.isColour;
  return {
    sliceIndex: at.sliceIndex + Math.round((now.sliceIndex - from.sliceIndex) * ratio),
    zoom: at.zoom * (now.zoom / from.zoom),
    pan: [at.pan[0] + now.pan[0] - from.pan[0], at.pan[1] + now.pan[1] - from.pan[1]],
    window: isAlike ? (isWindowed ? now.window : at.window) : null,
  };
}
