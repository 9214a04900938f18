import { expect, test } from 'vitest';
import type { CaseFrame, DicomJson } from '../api/types';
import { lettersOf, oppositeOf, orientationOf, patientOrientation, spaceOf, type StackSpace } from './stackSpace';

const AXIAL = [1, 0, 0, 0, 1, 0];

function element(...values: unknown[]): { vr: string; Value: unknown[] } {
  return { vr: 'DS', Value: values };
}

/** Slices of single-frame Instances at these positions. */
function stack(positions: readonly number[][], orientation = AXIAL): [CaseFrame[], Record<string, DicomJson>] {
  const frames = positions.map((_, index) => ({ url: `/${index}`, sop_instance_uid: String(index), frame_number: 1 }));
  const headers = positions.map((position) => ({
    '00200032': element(...position),
    '00200037': element(...orientation),
    '00280030': element(0.8, 0.5),
  }));
  return [frames, Object.fromEntries(headers.map((header, index) => [String(index), header]))];
}

test('a stack lies from its first slice to its last, with the spacing between rows first', () => {
  const space = spaceOf(...stack([[0, 0, 1], [0, 0, 4], [0, 0, 10]]));
  expect(space).toMatchObject({ through: [0, 0, 1], columnMm: 0.5, rowMm: 0.8, depthsMm: [0, 3, 9] });
});

test('a stack that goes to the feet does so in its space too', () => {
  const space = spaceOf(...stack([[0, 0, 10], [0, 0, 7], [0, 0, 1]])) as StackSpace;
  expect(lettersOf(space.through)).toBe('F');
  expect(space.depthsMm.at(-1)).toBe(9);
});

// PS3.3 C.7.6.16.2.3 and others: each frame's place in its own functional groups, what they share in the shared ones.
test('an enhanced multi-frame Instance says where each of its frames lies', () => {
  const frame = (number: number): CaseFrame => ({ url: '', sop_instance_uid: 'one', frame_number: number });
  const position = (z: number): DicomJson => ({ '00209113': element({ '00200032': element(0, 0, z) }) });
  const shared = { '00209116': element({ '00200037': element(...AXIAL) }), '00289110': element({ '00280030': element(1, 1) }) };
  const metadata = { '52009229': element(shared), '52009230': element(position(0), position(2)) };
  expect(spaceOf([frame(1), frame(2)], { one: metadata })).toMatchObject({ depthsMm: [0, 2] });
});

test.each([
  ['no position is known', 'unplaced', [[0, 0, 0], []], AXIAL],
  ['the rows stand at no right angle', 'unplaced', [[0, 0, 0], [0, 0, 1]], [1, 0, 0, 1, 0, 0]],
  ['two slices lie at one place', 'unordered', [[0, 0, 0], [0, 0, 1], [0, 0, 1]], AXIAL],
  ['the slices go back and forth', 'unordered', [[0, 0, 0], [0, 0, 2], [0, 0, 1], [0, 0, 3]], AXIAL],
  ['the gantry was tilted', 'tilted', [[0, 0, 0], [0, 1, 5], [0, 2, 10]], AXIAL],
] as const)('where %s no planes are cut', (_, disorder, positions, orientation) => {
  expect(spaceOf(...stack(positions.map((one) => [...one]), [...orientation]))).toBe(disorder);
});

test('slices that are turned against each other are no stack', () => {
  const [frames, instances] = stack([[0, 0, 0], [0, 0, 1]]);
  instances['1'] = { ...instances['1'], '00200037': element(0, 1, 0, 1, 0, 0) };
  expect(spaceOf(frames, instances)).toBe('unplaced');
});

test('letters name the sides of the patient that a direction goes to', () => {
  expect(lettersOf([1, 0, 0])).toBe('L');
  expect(lettersOf([0, 0, -1])).toBe('F');
  expect(lettersOf([0.6, -0.8, 0])).toBe('AL');
  expect(lettersOf([0.99, 0.1, 0])).toBe('L');
  expect(oppositeOf('AL')).toBe('PR');
});

test('a header that says nothing, or nonsense, gives no letters', () => {
  const [[frame], instances] = stack([[0, 0, 0]], [0, 0, 0, 0, 0, 0]);
  expect(frame && orientationOf(frame, instances['0'] ?? {})).toBeNull();
  expect(patientOrientation({ '00200020': { vr: 'CS', Value: ['L', 'F'] } })).toEqual(['L', 'F']);
  expect(patientOrientation({ '00200020': { vr: 'CS', Value: ['SLIT', 'LAMP'] } })).toBeNull();
});
