/** As the server describes a field of the test: see `annotations/services/display_checks.py`. */
export interface PatternField {
  kind: 'grey' | 'lines';
  /** Driving level, 0 to 255. */
  background: number;
  contrast: number;
  is_needed: boolean;
}

export type Place = 'up' | 'right' | 'down' | 'left';

export interface Box {
  left: number;
  top: number;
  side: number;
}

/** Around the lines, which are too fine to have an edge of their own. */
const BETWEEN = 64;
/** Sides of what is looked for, as shares of the whole. */
const PATCH_SHARE = 0.14;
const LINES_SHARE = 0.28;
const CENTRES: Record<Place, [number, number]> = { up: [0.5, 0.2], right: [0.8, 0.5], down: [0.5, 0.8], left: [0.2, 0.5] };

/** Where something lies in a square of `size` device pixels, in whole pixels. */
export function boxAt(place: Place, size: number, kind: PatternField['kind']): Box {
  const side = Math.max(2, Math.round(size * (kind === 'grey' ? PATCH_SHARE : LINES_SHARE)));
  const [x, y] = CENTRES[place];
  return { left: Math.round(x * size - side / 2), top: Math.round(y * size - side / 2), side };
}

/** A field as grey driving levels, row by row, one for each device pixel of a square of `size`. */
export function drawField(field: PatternField, place: Place, size: number): Uint8ClampedArray {
  return field.kind === 'grey' ? drawPatch(field, place, size) : drawLines(field, place, size);
}

function drawPatch({ background, contrast }: PatternField, place: Place, size: number): Uint8ClampedArray {
  const levels = new Uint8ClampedArray(size * size).fill(background);
  paint(levels, size, boxAt(place, size, 'grey'), () => background + contrast);
  return levels;
}

/** Lines one pixel wide and one apart: upright at the place, level elsewhere. The mean is the same everywhere. */
function drawLines({ background, contrast }: PatternField, place: Place, size: number): Uint8ClampedArray {
  const levels = new Uint8ClampedArray(size * size).fill(BETWEEN);
  for (const each of Object.keys(CENTRES) as Place[]) {
    const isUpright = each === place;
    paint(levels, size, boxAt(each, size, 'lines'), (row, column) => background + contrast * ((isUpright ? column : row) % 2));
  }
  return levels;
}

function paint(levels: Uint8ClampedArray, size: number, box: Box, levelAt: (row: number, column: number) => number): void {
  for (let row = 0; row < box.side; row++) {
    for (let column = 0; column < box.side; column++) {
      levels[(box.top + row) * size + box.left + column] = levelAt(row, column);
    }
  }
}

/** The place that a point (shares of the width and height from the upper left corner) is nearest to. */
export function nearestPlace(x: number, y: number): Place {
  const [right, down] = [x - 0.5, y - 0.5];
  if (Math.abs(right) > Math.abs(down)) return right > 0 ? 'right' : 'left';
  return down > 0 ? 'down' : 'up';
}

/** Grey levels as the canvas takes them. */
export function asPicture(levels: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(levels.length * 4).fill(255);
  levels.forEach((level, index) => rgba.fill(level, index * 4, index * 4 + 3));
  return rgba;
}
