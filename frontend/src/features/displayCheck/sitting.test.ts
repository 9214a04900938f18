import { expect, test, vi } from 'vitest';
import { Sitting, type Verdict } from './sitting';
import type { PatternField, Place } from './pattern';

const PLACES: Place[] = ['up', 'right', 'down', 'left'];
const FIELDS: PatternField[] = [
  { kind: 'grey', background: 0, contrast: 13, is_needed: true },
  { kind: 'lines', background: 0, contrast: 255, is_needed: true },
];

function aSitting(post = vi.fn(() => Promise.resolve({ id: '1', has_passed: true, answers: [] } as Verdict))) {
  const clock = { now: 1000 };
  const drawn = [0.3, 0.99, 0, 0.6];
  const sitting = new Sitting({
    client: { post: post as never },
    checksUrl: '/checks/',
    fields: FIELDS,
    places: PLACES,
    random: () => drawn.shift() ?? 0,
    now: () => clock.now,
    screen: () => ({ columns: 1920, rows: 1080, device_pixel_ratio: 1 }),
  });
  return { sitting, post, clock };
}

test('what was shown and what was seen goes to the server once all is answered', async () => {
  const { sitting, post, clock } = aSitting();
  await sitting.answer('right');
  expect(post).not.toHaveBeenCalled();
  clock.now = 21_000;
  await sitting.answer('');
  const answers = [{ field: 0, shown: 'right', seen: 'right' }, { field: 1, shown: 'left', seen: '' }];
  expect(post).toHaveBeenCalledExactlyOnceWith('/checks/', { answers, seconds: 20, columns: 1920, rows: 1080, device_pixel_ratio: 1 });
  expect(sitting.verdict.value?.has_passed).toBe(true);
});

test('a test that was left for the afternoon is still taken', async () => {
  const { sitting, post, clock } = aSitting();
  await sitting.answer('right');
  clock.now = 5 * 3_600_000;
  await sitting.answer('left');
  expect(post).toHaveBeenCalledWith('/checks/', expect.objectContaining({ seconds: 3600 }));
});

test('a step back shows the field anew, elsewhere', async () => {
  const { sitting } = aSitting();
  await sitting.answer('down');
  sitting.back();
  expect([sitting.field.value, sitting.place.value, sitting.answers.value]).toEqual([FIELDS[0], 'up', []]);
});

test('what could not be sent is sent again, and no answer is lost', async () => {
  const post = vi.fn().mockRejectedValueOnce(new Error('No network.')).mockResolvedValue({ id: '1', has_passed: false, answers: [] });
  const { sitting } = aSitting(post);
  await sitting.answer('right');
  await sitting.answer('left');
  expect(sitting.problem.value).toBe('No network.');
  await sitting.answer('left');
  expect(sitting.answers.value).toHaveLength(2);
  await sitting.send();
  expect([sitting.verdict.value?.has_passed, sitting.problem.value]).toEqual([false, '']);
  expect(post.mock.calls[1]).toEqual(post.mock.calls[0]);
});

test('the test can be made again from the start', async () => {
  const { sitting } = aSitting();
  await sitting.answer('right');
  await sitting.answer('left');
  sitting.again();
  expect([sitting.verdict.value, sitting.answers.value, sitting.field.value]).toEqual([null, [], FIELDS[0]]);
});
