import { expect, test } from 'vitest';
import { drawPlane, edgesOf, movedTo, planeOf, shownAt, type SliceValues } from './planes';
import type { StackSpace } from './stackSpace';

/** Axial slices from the feet to the head, as most CT comes. */
const AXIAL: StackSpace = { right: [1, 0, 0], down: [0, 1, 0], through: [0, 0, 1], columnMm: 0.5, rowMm: 0.5, depthsMm: [0, 3, 6] };

/** 4 columns and 5 rows, whose values tell slice, row and column. */
function slice(index: number): SliceValues {
  return { columns: 4, rows: 5, valueAt: (column, row) => 100 * index + 10 * row + column };
}

function greys(picture: Uint8ClampedArray): number[] {
  return [...picture].filter((_, index) => index % 4 === 0);
}

test('of axial slices the plane through a row is coronal, with the head on top and the left on the right', () => {
  const plane = planeOf(AXIAL, 'row', 4, 5);
  expect(plane.name).toBe('coronal');
  expect(edgesOf(plane)).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' });
  expect(greys(drawPlane(plane, 2, slice, (value) => value))).toEqual([220, 221, 222, 223, 120, 121, 122, 123, 20, 21, 22, 23]);
});

test('of axial slices the plane through a column is sagittal, with the front on the left', () => {
  const plane = planeOf(AXIAL, 'column', 4, 5);
  expect(plane.name).toBe('sagittal');
  expect(edgesOf(plane)).toEqual({ left: 'A', right: 'P', top: 'H', bottom: 'F' });
  expect(greys(drawPlane(plane, 3, slice, (value) => value)).slice(0, 5)).toEqual([203, 213, 223, 233, 243]);
});

test('of sagittal slices the plane through a row is axial, and the slices run across it', () => {
  const sagittal: StackSpace = { ...AXIAL, right: [0, 1, 0], down: [0, 0, -1], through: [-1, 0, 0] };
  const plane = planeOf(sagittal, 'row', 4, 5);
  expect(plane.name).toBe('axial');
  expect(edgesOf(plane)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
  // The slices go to the patient's right: the last one is on the left.
  expect(greys(drawPlane(plane, 1, slice, (value) => value)).slice(0, 6)).toEqual([210, 110, 10, 211, 111, 11]);
});

test('a picture is as wide and as high as what it shows', () => {
  const { horizontal, vertical } = planeOf(AXIAL, 'row', 4, 5);
  expect([horizontal.mm, vertical.mm]).toEqual([2, 9]);
});

test('slices at uneven distances are shown where they lie', () => {
  const plane = planeOf({ ...AXIAL, depthsMm: [0, 1, 2, 6] }, 'row', 4, 5);
  expect(plane.slices).toEqual([0, 1, 2, 2, 3, 3, 3]);
  expect(plane.vertical.mm).toBe(7);
});

test('one narrow gap does not make the picture endless', () => {
  expect(planeOf({ ...AXIAL, depthsMm: [0, 0.01, 50, 100] }, 'row', 4, 5).slices).toHaveLength(16);
});

test('a slice that is not there is left transparent', () => {
  const picture = drawPlane(planeOf(AXIAL, 'row', 4, 5), 0, (index) => (index === 1 ? null : slice(index)), () => 200);
  expect([...picture].filter((_, index) => index % 16 === 3)).toEqual([255, 0, 255]);
});

test.each(['row', 'column'] as const)('a place of the plane through a %s is where it is shown', (cut) => {
  const plane = planeOf(AXIAL, cut, 4, 5);
  const crossing = { column: 1, row: 4, slice: 2 };
  expect(movedTo(plane, { ...crossing, slice: 0 }, shownAt(plane, crossing))).toEqual(crossing);
});

test('a place beyond the picture is at its edge', () => {
  const plane = planeOf(AXIAL, 'row', 4, 5);
  expect(movedTo(plane, { column: 1, row: 3, slice: 1 }, [7, -1])).toEqual({ column: 3, row: 3, slice: 2 });
});
