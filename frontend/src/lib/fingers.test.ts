import { expect, test } from 'vitest';
import { changeBetween } from './fingers';

test('fingers that part by half as much again enlarge by as much, about their middle', () => {
  const { middle, shift, growth } = changeBetween([[10, 40], [30, 40]], [[5, 40], [35, 40]]);
  expect([middle, shift]).toEqual([[20, 40], [0, 0]]);
  expect(growth).toBeCloseTo(1.5);
});

test('fingers that go along with one another move', () => {
  const { shift, growth } = changeBetween([[0, 0], [30, 40]], [[7, -2], [37, 38]]);
  expect(shift).toEqual([7, -2]);
  expect(growth).toBeCloseTo(1);
});

test('fingers at one place enlarge nothing', () => {
  expect(changeBetween([[3, 3], [3, 3]], [[3, 3], [9, 3]]).growth).toBe(1);
  expect(changeBetween([[3, 3], [9, 3]], [[9, 3], [9, 3]]).growth).toBe(1);
});
