/** CSS pixels. */
export type Point = readonly [number, number];

/** What fingers did between two moments: where their middle was and how far it went, how much further apart they are. */
export interface FingerChange {
  middle: Point;
  shift: Point;
  growth: number;
}

/** The same fingers, in the same order, at both moments. */
export function changeBetween(before: readonly Point[], after: readonly Point[]): FingerChange {
  const [from, to] = [middleOf(before), middleOf(after)];
  const [apart, now] = [spreadOf(before, from), spreadOf(after, to)];
  return { middle: from, shift: [to[0] - from[0], to[1] - from[1]], growth: apart > 0 && now > 0 ? now / apart : 1 };
}

function middleOf(points: readonly Point[]): Point {
  const sum = points.reduce<Point>(([x, y], point) => [x + point[0], y + point[1]], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** All distances from their middle. */
function spreadOf(points: readonly Point[], middle: Point): number {
  return points.reduce((sum, [x, y]) => sum + Math.hypot(x - middle[0], y - middle[1]), 0);
}
