import { expect, test } from 'vitest';
import { asPicture, boxAt, drawField, nearestPlace, type PatternField, type Place } from './pattern';

const SIZE = 200;
const PLACES: Place[] = ['up', 'right', 'down', 'left'];
const grey: PatternField = { kind: 'grey', background: 242, contrast: -13, is_needed: true };
const lines: PatternField = { kind: 'lines', background: 112, contrast: 32, is_needed: false };

function cut(levels: Uint8ClampedArray, place: Place, kind: PatternField['kind']): number[][] {
  const { left, top, side } = boxAt(place, SIZE, kind);
  return Array.from({ length: side }, (_, row) => [...levels.slice((top + row) * SIZE + left, (top + row) * SIZE + left + side)]);
}

test.each(PLACES)('a grey patch lies %s and nowhere else', (place) => {
  const levels = drawField(grey, place, SIZE);
  const { side } = boxAt(place, SIZE, 'grey');
  expect(new Set(cut(levels, place, 'grey').flat())).toEqual(new Set([229]));
  expect(levels.filter((level) => level === 229)).toHaveLength(side * side);
  expect(new Set(levels)).toEqual(new Set([229, 242]));
});

test.each(PLACES)('lines are one pixel wide, upright %s and level elsewhere', (place) => {
  const levels = drawField(lines, place, SIZE);
  for (const each of PLACES) {
    const rows = cut(levels, each, 'lines');
    const isUpright = rows.every((row) => row.join() === rows[0]?.join());
    expect(isUpright).toBe(each === place);
    const along = isUpright ? rows[0] : rows.map((row) => row[0]);
    expect(along?.slice(0, 4)).toEqual([112, 144, 112, 144]);
  }
});

test('a click means the nearest place', () => {
  expect(PLACES.map((place) => {
    const { left, top, side } = boxAt(place, SIZE, 'grey');
    return nearestPlace((left + side / 2) / SIZE, (top + side / 2) / SIZE);
  })).toEqual(PLACES);
});

test('the picture is grey and opaque', () => {
  expect([...asPicture(new Uint8ClampedArray([0, 200]))]).toEqual([0, 0, 0, 255, 200, 200, 200, 255]);
});
