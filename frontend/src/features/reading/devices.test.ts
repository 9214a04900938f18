import { expect, test } from 'vitest';
import { ApiError } from '../../api/client';
import { aDevice, aDisk, aServer } from '../../testing/devices';
import { aCase, aCriterion } from '../../testing/fakes';

const TWO = [aCriterion(), aCriterion({ key: 'blur', question: 'Blur' })];

test('an edit is on the server within seconds, and another device goes on with it under the same key', async () => {
  const world = aServer([aCase('a', TWO)]);
  const desk = aDevice(world);
  await desk.room.start();
  desk.score('noise', 2);
  desk.score('noise', 4);
  await desk.settle();
  expect(world.drafts.get('a')).toMatchObject({ revision: 2, content: { scores: { noise: 4 } } });
  expect(desk.room.sync.state.value).toEqual({ status: 'idle', savedAt: new Date(0) });
  const tablet = aDevice(world);
  await tablet.room.start();
  await tablet.settle();
  expect(tablet.room.draft.value).toMatchObject({ scores: { noise: 4 }, revision: 2, clientKey: desk.room.draft.value?.clientKey });
});

test('two devices that were edited apart lose no answer, and submit one Reading', async () => {
  const world = aServer([aCase('a', TWO)]);
  const [desk, tablet] = [aDevice(world), aDevice(world)];
  await desk.room.start();
  await tablet.room.start();
  desk.network.isThere = false;
  desk.score('noise', 2);
  await desk.settle();
  expect(desk.room.sync.state.value.status).toBe('offline');
  tablet.score('blur', 5);
  await tablet.settle();
  desk.network.isThere = true;
  await desk.settle();
  await tablet.room.sync.pull();
  for (const device of [desk, tablet]) expect(device.room.draft.value?.scores).toEqual({ noise: 2, blur: 5 });
  expect(world.drafts.get('a')?.content.scores).toEqual({ noise: 2, blur: 5 });
  await desk.room.submit();
  await desk.settle();
  await tablet.room.submit();
  await tablet.settle();
  expect(world.readings).toHaveLength(1);
  expect(tablet.outbox.state.value.refused).toEqual([]);
});

test('what is typed before the server has said what it has is newer than that', async () => {
  const world = aServer([aCase('a', TWO)]);
  const desk = aDevice(world);
  await desk.room.start();
  for (const value of [1, 2, 3]) desk.score('noise', value);
  desk.score('blur', 5);
  await desk.settle();
  let draw = (): void => undefined;
  const tablet = aDevice(world, undefined, 0, new Promise((resolve) => (draw = resolve)));
  await tablet.room.start();
  tablet.score('noise', 4);
  draw();
  await tablet.settle();
  await desk.room.sync.pull();
  for (const device of [desk, tablet]) expect(device.room.draft.value?.scores).toEqual({ noise: 4, blur: 5 });
  expect(world.drafts.get('a')?.content.scores).toEqual({ noise: 4, blur: 5 });
});

test('an answer that was not touched here gives way, however much else was typed', async () => {
  const world = aServer([aCase('a', TWO)]);
  const disk = aDisk();
  const earlier = aDevice(world, disk);
  await earlier.room.start();
  await earlier.settle();
  earlier.network.isThere = false;
  earlier.score('noise', 4);
  await earlier.settle();
  const other = aDevice(world);
  await other.room.start();
  for (const value of [1, 3, 2]) other.score('noise', value);
  await other.settle();
  let draw = (): void => undefined;
  const again = aDevice(world, disk, 0, new Promise((resolve) => (draw = resolve)));
  await again.room.start();
  for (const value of [1, 2, 3, 4, 5]) again.score('blur', value);
  draw();
  await again.settle();
  expect(again.room.draft.value?.scores).toEqual({ noise: 2, blur: 5 });
});

test('what is asked for while another request is under way is asked for after it', async () => {
  const world = aServer([aCase('a', TWO)]);
  const tablet = aDevice(world);
  await tablet.room.start();
  await tablet.settle();
  tablet.score('blur', 1);
  const before = world.server.seen.length;
  await Promise.all([tablet.room.sync.send(), tablet.room.sync.pull()]);
  await tablet.settle();
  expect(world.server.seen.slice(before).map(({ verb }) => verb)).toEqual(['PUT', 'GET']);
});

test('what was typed while the network was gone has to have more edits behind it', async () => {
  const world = aServer([aCase('a', TWO)]);
  const [desk, tablet] = [aDevice(world), aDevice(world)];
  await tablet.room.start();
  tablet.network.isThere = false;
  tablet.score('noise', 4);
  await tablet.settle();
  await desk.room.start();
  for (const value of [1, 2]) desk.score('noise', value);
  await desk.settle();
  tablet.network.isThere = true;
  await tablet.settle();
  expect(tablet.room.draft.value?.scores).toEqual({ noise: 2 });
});

test('what is typed while the server answers is newer than the answer', async () => {
  const world = aServer([aCase('a', TWO)]);
  const [desk, tablet] = [aDevice(world), aDevice(world)];
  await desk.room.start();
  await tablet.room.start();
  await tablet.settle();
  for (const value of [1, 2, 3]) desk.score('noise', value);
  await desk.settle();
  const pulling = tablet.room.sync.pull();
  tablet.score('noise', 5);
  await pulling;
  expect(tablet.room.draft.value?.scores).toEqual({ noise: 5 });
  await tablet.settle();
  expect(world.drafts.get('a')?.content.scores).toEqual({ noise: 5 });
});

test('the edit with more edits behind it stands, whatever the clocks say', async () => {
  const world = aServer([aCase('a')]);
  const [late, early] = [aDevice(world, undefined, 9e12), aDevice(world, undefined, -9e12)];
  await late.room.start();
  await early.room.start();
  late.score('noise', 1);
  await late.settle();
  early.network.isThere = false;
  for (const value of [2, 3, 4]) early.score('noise', value);
  early.network.isThere = true;
  await early.settle();
  await late.room.sync.pull();
  for (const device of [late, early]) expect(device.room.draft.value?.scores).toEqual({ noise: 4 });
});

test('an edit made while the last one is under way is sent after it, also where it takes that back', async () => {
  const world = aServer([aCase('a')]);
  const desk = aDevice(world);
  await desk.room.start();
  desk.score('noise', 1);
  await desk.settle();
  desk.score('noise', 2);
  const sending = desk.room.sync.send();
  desk.score('noise', 1);
  await sending;
  await desk.settle();
  expect(desk.room.draft.value?.scores).toEqual({ noise: 1 });
  expect(world.drafts.get('a')).toMatchObject({ revision: 3, content: { scores: { noise: 1 } } });
});

test('what the second tab changed of it meanwhile becomes a correction, and is not lost', async () => {
  const world = aServer([aCase('a'), aCase('b')]);
  const [first, second] = [aDevice(world), aDevice(world)];
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
  expect(second.outbox.state.value.refused).toEqual([]);
});

test('a draft that the server refuses is not said to be saved, and stays on the device', async () => {
  const world = aServer([aCase('a', TWO)]);
  const desk = aDevice(world);
  await desk.room.start();
  desk.score('noise', 2);
  await desk.settle();
  expect(desk.room.sync.state.value.savedAt).not.toBeNull();
  world.server.on('/assignments/a/draft/', () => new ApiError(400, 'invalid', 'Too long.'));
  desk.score('noise', 4);
  await desk.settle();
  expect(desk.room.sync.state.value).toEqual({ status: 'idle', savedAt: null });
  expect((await desk.disk.drafts.all()).map(([, draft]) => draft.scores)).toEqual([{ noise: 4 }]);
});

test('without its disk the device still has the server', async () => {
  const world = aServer([aCase('a')]);
  const full = aDisk();
  full.drafts.set = () => Promise.resolve();
  const desk = aDevice(world, full);
  await desk.room.start();
  desk.score('noise', 2);
  await desk.settle();
  const reloaded = aDevice(world);
  await reloaded.room.start();
  await reloaded.settle();
  expect(reloaded.room.draft.value?.scores).toEqual({ noise: 2 });
});

test('a clock set back while a case is open makes no Reading that the server refuses', async () => {
  const world = aServer([aCase('a')]);
  const disk = aDisk();
  const before = aDevice(world, disk, 1e12);
  await before.room.start();
  before.score('noise', 2);
  const after = aDevice(world, disk, 1e12 - 86_400_000);
  await after.room.start();
  await after.room.submit();
  await after.settle();
  expect(world.readings[0]?.submission).toMatchObject({ active_seconds: 1, wall_seconds: 1 });
});

test('a case begun on one device and submitted on another has the times of both, whatever their clocks say', async () => {
  const world = aServer([aCase('a', TWO)]);
  const desk = aDevice(world, undefined, 9e12);
  await desk.room.start();
  Object.assign(desk.passed, { activeMs: 40_000, wallMs: 3_600_000 });
  desk.score('noise', 2);
  await desk.settle();
  const tablet = aDevice(world, undefined, 1e12);
  await tablet.room.start();
  await tablet.settle();
  Object.assign(tablet.passed, { activeMs: 5000, wallMs: 60_000 });
  tablet.score('blur', 3);
  await tablet.settle();
  await desk.room.sync.pull();
  await tablet.room.submit();
  await tablet.settle();
  expect(world.readings[0]?.submission).toMatchObject({ active_seconds: 45, wall_seconds: 3660 });
});

test('who only looked and left is counted too, and twice told is told once', async () => {
  const world = aServer([aCase('a')]);
  const desk = aDevice(world);
  await desk.room.start();
  Object.assign(desk.passed, { activeMs: 20_000, wallMs: 25_000 });
  await desk.room.sync.send(true);
  await desk.room.sync.send(true);
  expect(world.server.count('draft/', 'PUT')).toBe(1);
  const tablet = aDevice(world);
  await tablet.room.start();
  await tablet.settle();
  // Times are no answer that was saved.
  for (const device of [desk, tablet]) expect(device.room.sync.state.value.savedAt).toBeNull();
  tablet.score('noise', 3);
  await tablet.settle();
  expect(tablet.room.sync.state.value.savedAt).not.toBeNull();
  await desk.room.sync.pull();
  expect(desk.room.draft.value?.scores).toEqual({ noise: 3 });
  await desk.room.submit();
  await desk.settle();
  expect(world.readings[0]?.submission).toMatchObject({ active_seconds: 21, wall_seconds: 25 });
});
