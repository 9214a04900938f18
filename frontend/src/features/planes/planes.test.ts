import { signal } from '@preact/signals';
import { expect, test } from 'vitest';
import type { Case, DicomElement } from '../../api/types';
import { aCase } from '../../testing/fakes';
import { Planes } from './planes';

const AMPLE = 1024 ** 3;

function element(...Value: unknown[]): DicomElement {
  return { vr: 'DS', Value };
}

/** Axial slices of 8 columns and 6 rows. */
function aStack(count: number, photometric = 'MONOCHROME2'): Case {
  const reading = aCase('stack');
  reading.image.frames = Array.from({ length: count }, (_, index) => ({ url: `/${index}`, sop_instance_uid: String(index), frame_number: 1 }));
  const header = (z: number): Case['instances'][string] => ({
    '00280004': element(photometric),
    '00280010': element(6),
    '00280011': element(8),
    '00280030': element(1, 1),
    '00200032': element(0, 0, z),
    '00200037': element(1, 0, 0, 0, 1, 0),
  });
  reading.instances = Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), header(index)]));
  return reading;
}

function planesOf(reading: Case, budgetBytes = AMPLE): Planes {
  return new Planes(signal(null), signal<Case | null>(reading), budgetBytes);
}

test('they open in the middle of the image, and close again', () => {
  const planes = planesOf(aStack(3));
  expect(planes.toggle()).toBeNull();
  expect(planes.shown.value.map(({ name }) => name)).toEqual(['coronal', 'sagittal']);
  expect(planes.crossing.value).toMatchObject({ column: 4, row: 3 });
  expect(planes.toggle()).toBeNull();
  expect(planes.isShown.value).toBe(false);
});

test('they go no further than the image', () => {
  const planes = planesOf(aStack(3));
  planes.open();
  planes.step('row', Infinity);
  planes.step('column', -10);
  expect(planes.crossing.value).toMatchObject({ column: 0, row: 5 });
});

test('two slices are no volume', () => {
  expect(planesOf(aStack(2)).isAvailable.value).toBe(false);
});

test('a colour volume is refused with a sentence', () => {
  const planes = planesOf(aStack(3, 'RGB'));
  expect(planes.toggle()).toContain('Only grey images');
  expect(planes.isShown.value).toBe(false);
});

test('a volume that the browser has no room for is refused, with what it takes', () => {
  const planes = planesOf(aStack(3), 8 * 6 * 2 * 3 - 1);
  expect(planes.toggle()).toContain('take 1 MB');
  expect(planes.isShown.value).toBe(false);
});

test('a Reading keeps where they crossed, once they were opened', () => {
  const planes = planesOf(aStack(3));
  expect(planes.record()).toBeNull();
  planes.open();
  planes.cross({ column: 1, row: 2 });
  planes.close();
  expect(planes.record()).toEqual({ column: 1, row: 2, is_shown: false });
  planes.restart();
  expect(planes.record()).toBeNull();
});

test('how they stood is stored where they are open, and taken up again', () => {
  const planes = planesOf(aStack(3));
  planes.open();
  planes.cross({ column: 2, row: 1 });
  planes.look('row', () => ({ zoom: 2, pan: [5, -6] }));
  const stored = planes.record(true);
  expect(stored).toEqual({ column: 2, row: 1, is_shown: true, is_below: true, views: { row: { zoom: 2, pan: [5, -6] } } });
  const again = planesOf(aStack(3));
  again.open();
  if (stored) again.present(stored);
  expect(again.record(true)).toEqual(stored);
  again.restart();
  expect(again.views.row.value.zoom).toBe(1);
});
