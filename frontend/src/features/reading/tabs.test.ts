import { expect, test } from 'vitest';
import { aDevice, aDisk, aServer } from '../../testing/devices';
import { aCase, aCriterion } from '../../testing/fakes';
import { withFinding, withoutFinding } from './draft';

const TWO = [aCriterion(), aCriterion({ key: 'blur', question: 'Blur' })];

test('a second tab is told that the case was submitted in the first, and goes on', async () => {
  const world = aServer([aCase('a'), aCase('b')]);
  const first = aDevice(world);
  const second = aDevice(world, first.disk);
  await first.room.start();
  await second.room.start();
  first.score('noise', 3);
  await first.room.submit();
  await first.settle();
  await second.room.sync.pull();
  await second.settle();
  expect(second.room.draft.value?.assignment).toBe('b');
  expect(second.room.notice.value).toContain('submitted in another window');
  expect(world.readings.map(({ assignment }) => assignment)).toEqual(['a']);
});

test('what one tab was told without a network outlasts the other, which keeps it too', async () => {
  const world = aServer([aCase('a', TWO)]);
  const disk = aDisk();
  const [first, second] = [aDevice(world, disk), aDevice(world, disk)];
  await first.room.start();
  await second.room.start();
  for (const tab of [first, second]) tab.network.isThere = false;
  second.score('noise', 2);
  first.room.keep();
  first.score('blur', 5);
  second.room.keep();
  const later = aDevice(world, disk);
  await later.room.start();
  await later.settle();
  expect(later.room.draft.value?.scores).toEqual({ noise: 2, blur: 5 });
  expect(world.drafts.get('a')?.content.scores).toEqual({ noise: 2, blur: 5 });
});

test('what one tab took back stays away in the other', async () => {
  const world = aServer([aCase('a', TWO)]);
  const disk = aDisk();
  const [first, second] = [aDevice(world, disk), aDevice(world, disk)];
  await first.room.start();
  await second.room.start();
  const mark = { type: 'motion', slice_index: 0, x: 1, y: 2, note: '', criterion: null, width: null, height: null };
  second.room.change((draft) => withFinding(draft, mark));
  expect(first.room.draft.value?.findings).toHaveLength(1);
  second.room.change((draft) => withoutFinding(draft, 0));
  await second.settle();
  await first.settle();
  expect(first.room.draft.value?.findings).toEqual([]);
  expect(world.drafts.get('a')?.content.findings ?? []).toEqual([]);
});

test('what one tab changes of a case that the other submitted becomes a correction', async () => {
  const world = aServer([aCase('a'), aCase('b')]);
  const first = aDevice(world);
  const second = aDevice(world, first.disk);
  await first.room.start();
  await second.room.start();
  first.score('noise', 3);
  await first.room.submit();
  await first.settle();
  second.score('noise', 5);
  await second.settle();
  expect(second.room.draft.value).toMatchObject({ assignment: 'a', corrects: world.readings[0]?.submission.client_key });
  await second.room.submit();
  await second.settle();
  expect(world.readings.map(({ submission }) => submission.scores)).toEqual([{ noise: 3 }, { noise: 5 }]);
});
