import { expect, test } from 'vitest';
import { ApiError, NetworkError } from '../../api/client';
import type { Case, DisplayState, Reopened, Worklist } from '../../api/types';
import { FakeServer, RECEIPT, aCase, aCriterion, aSubmission, memoryStore } from '../../testing/fakes';
import { withAbstention, withScore, type Draft } from './draft';
import type { KeptStore } from './keptStore';
import { Outbox, type OutboxEntry, type SendOutcome } from './outbox';
import { Room } from './room';
import { Session } from './session';

const TWO = [aCriterion(), aCriterion({ key: 'blur', question: 'Blur' })];

/** A room whose server holds these cases; `hold` keeps sending from being answered until it is let go. */
function aRoom(
  cases: Case[],
  drafts = memoryStore<Draft>(),
  outcome: () => Promise<SendOutcome> | SendOutcome = savedNow,
  { kept = memoryStore<OutboxEntry>(), ...options }: { staysForFeedback?: boolean; kept?: KeptStore<OutboxEntry> } = {},
) {
  const server = new FakeServer();
  const done = new Set<string>();
  const asked: number[] = [];
  server.on('worklist/', ({ body }): Worklist => {
    const { count } = body as { count: number };
    asked.push(count);
    const open = cases.filter((reading) => !done.has(reading.assignment));
    return { cases: open.slice(0, count), open_count: open.length, done_count: done.size };
  });
  server.on('lease/', () => ({ lease_expires_at: '2030-01-01T00:00:00Z' }));
  const session = new Session(server, '/api/v1/session/', 'reader1');
  const screen = { isShown: true, now: 1000 };
  const sent: OutboxEntry[] = [];
  const outbox = new Outbox({
    username: 'reader1',
    store: kept,
    send: async (entry) => {
      sent.push(structuredClone(entry));
      const result = await outcome();
      if (result.kind === 'saved') done.add(entry.assignment);
      return result;
    },
    onSaved: (entry, receipt) => void room.acknowledged(entry, { ...receipt, done_count: done.size }),
    now: () => new Date(0),
    schedule: () => () => undefined,
  });
  const room: Room = new Room({
    client: server,
    session,
    outbox,
    drafts,
    username: 'reader1',
    worklistUrl: '/worklist/',
    undoUrl: '/worklist/undo/',
    assignmentsUrl: '/assignments/',
    now: () => screen.now,
    displayState: (): DisplayState => aSubmission('x').display_state,
    maySubmit: () => screen.isShown,
    activity: { activeMs: () => 4200, restart: () => undefined },
    schedule: () => () => undefined,
    ...options,
  });
  return { room, server, outbox, sent, asked, screen, drafts };
}

function savedNow(): SendOutcome {
  return { kind: 'saved', receipt: RECEIPT };
}

function scoreAll(room: Room): void {
  for (const criterion of room.current.value?.rubric.criteria ?? []) room.change((draft) => withScore(draft, criterion.key, 3));
}

test('opens the first case and holds the next one', async () => {
  const { room, asked } = aRoom([aCase('a'), aCase('b'), aCase('c')]);
  await room.start();
  expect(room.phase.value).toBe('reading');
  expect([room.current.value?.assignment, room.next.value?.assignment]).toEqual(['a', 'b']);
  expect(asked).toEqual([2]);
  expect(room.counts.value).toEqual({ open: 3, done: 0 });
});

test('does not submit what is incomplete, and goes to what is missing', async () => {
  const { room, sent } = aRoom([aCase('a', TWO)]);
  await room.start();
  room.change((draft) => withScore(draft, 'noise', 2));
  expect(await room.submit()).toBe(false);
  expect(room.isMissingShown.value).toBe(true);
  expect(room.criterion.value?.key).toBe('blur');
  expect(sent).toEqual([]);
});

test('does not submit an image that is not on the screen', async () => {
  const { room, screen } = aRoom([aCase('a')]);
  await room.start();
  scoreAll(room);
  screen.isShown = false;
  expect(await room.submit()).toBe(false);
  expect(room.current.value?.assignment).toBe('a');
});

test('shows the next case at once, and moves the count only when the server said so', async () => {
  let letGo: (outcome: SendOutcome) => void = () => undefined;
  const { room } = aRoom([aCase('a'), aCase('b')], undefined, () => new Promise((resolve) => (letGo = resolve)));
  await room.start();
  scoreAll(room);
  expect(await room.submit()).toBe(true);
  expect(room.current.value?.assignment).toBe('b');
  expect(room.counts.value?.done).toBe(0);
  await expect.poll(() => letGo.length).toBe(1);
  letGo(savedNow());
  await expect.poll(() => room.counts.value?.done).toBe(1);
});

test('a reading carries the key of its case, its rubric, its times and the display', async () => {
  const { room, sent, screen } = aRoom([aCase('a'), aCase('b')]);
  await room.start();
  const key = room.draft.value?.clientKey;
  scoreAll(room);
  screen.now = 9000;
  await room.submit();
  expect(sent[0]?.url).toBe('/assignments/a/readings/');
  expect(sent[0]?.submission).toMatchObject({
    client_key: key,
    rubric_id: 1,
    scores: { noise: 3 },
    active_seconds: 4.2,
    wall_seconds: 8,
    display_state: { slice_index: 0 },
  });
  expect(room.draft.value?.clientKey).not.toBe(key);
});

test('a second Enter submits nothing more', async () => {
  const { room, sent } = aRoom([aCase('a'), aCase('b'), aCase('c')]);
  await room.start();
  scoreAll(room);
  await Promise.all([room.submit(), room.submit()]);
  expect(sent.map((entry) => entry.assignment)).toEqual(['a']);
});

test('a reload brings back the scores and the key', async () => {
  const before = aRoom([aCase('a', TWO)]);
  await before.room.start();
  before.room.change((draft) => withScore(draft, 'noise', 5));
  const after = aRoom([aCase('a', TWO)], before.drafts);
  await after.room.start();
  expect(after.room.draft.value).toMatchObject({ scores: { noise: 5 }, clientKey: before.room.draft.value?.clientKey });
  expect(after.room.criterion.value?.key).toBe('blur');
});

test('a case on its way to the server is not opened again', async () => {
  const { room, asked } = aRoom([aCase('a'), aCase('b'), aCase('c')], undefined, () => ({ kind: 'passing' }));
  await room.start();
  scoreAll(room);
  await room.submit();
  await room.refill();
  expect(asked.at(-1)).toBe(3);
  expect(room.cases.value.map((reading) => reading.assignment)).toEqual(['b', 'c']);
});

test('a case is not given back while the disk is slow to forget its reading', async () => {
  const kept = memoryStore<OutboxEntry>();
  let isForgetting = false;
  kept.delete = () => new Promise(() => (isForgetting = true));
  const { room, server, outbox } = aRoom([aCase('a'), aCase('b'), aCase('c')], undefined, savedNow, { kept });
  await room.start();
  scoreAll(room);
  await room.submit();
  await expect.poll(() => isForgetting).toBe(true);
  await outbox.open(); // as the next submission does
  const askedBefore = [aCase('a'), aCase('b'), aCase('c')];
  server.on('worklist/', (): Worklist => ({ cases: askedBefore, open_count: 3, done_count: 0 }));
  await room.refill();
  expect(room.cases.value.map((reading) => reading.assignment)).toEqual(['b', 'c']);
});

test('a refused reading can be opened again with its scores and its key', async () => {
  const { room, outbox } = aRoom([aCase('a'), aCase('b')], undefined, () => ({ kind: 'refused', reason: 'Too late.' }));
  await room.start();
  const key = room.draft.value?.clientKey;
  scoreAll(room);
  await room.submit();
  await expect.poll(() => outbox.state.value.refused.length).toBe(1);
  await room.reopen(outbox.state.value.refused[0]!);
  expect(room.current.value?.assignment).toBe('a');
  expect(room.draft.value).toMatchObject({ scores: { noise: 3 }, clientKey: key });
  expect(room.cases.value).toHaveLength(2);
});

test('the draft is forgotten with the acknowledgement', async () => {
  const { room, drafts } = aRoom([aCase('a')]);
  await room.start();
  scoreAll(room);
  await room.submit();
  await expect.poll(() => drafts.values.size).toBe(0);
  await expect.poll(() => room.phase.value).toBe('empty');
});

test('without a network there is a word for it, and a way on', async () => {
  const { room, server } = aRoom([aCase('a')]);
  server.on('worklist/', () => new NetworkError('The server could not be reached.'));
  await room.start();
  expect(room.phase.value).toBe('offline');
  server.on('worklist/', (): Worklist => ({ cases: [aCase('a')], open_count: 1, done_count: 0 }));
  await room.refill();
  expect(room.phase.value).toBe('reading');
});

test('the leases of the cases in hand are extended', async () => {
  const { room, server } = aRoom([aCase('a'), aCase('b')]);
  await room.start();
  await room.extendLeases();
  expect([server.count('/a/lease/'), server.count('/b/lease/')]).toEqual([1, 1]);
});

function reopened(assignment: string): Reopened {
  return { case: aCase(assignment), client_key: 'first-key', scores: { noise: 2 }, abstentions: {}, findings: [], comment: 'hm', confidence: 'low' };
}

test('the last submission is opened again with what it said, and the correction supersedes it', async () => {
  const { room, server, sent, drafts } = aRoom([aCase('a'), aCase('b')]);
  server.on('worklist/undo/', () => reopened('a'));
  await room.start();
  scoreAll(room);
  await room.submit();
  await expect.poll(() => room.counts.value?.done).toBe(1);
  room.change((draft) => withScore(draft, 'noise', 4));
  await room.undo();
  expect(room.current.value?.assignment).toBe('a');
  expect(room.draft.value).toMatchObject({ scores: { noise: 2 }, comment: 'hm', corrects: 'first-key' });
  room.change((draft) => withScore(draft, 'noise', 5));
  await room.submit();
  expect(sent[1]).toMatchObject({ assignment: 'a', submission: { corrects: 'first-key', scores: { noise: 5 } } });
  expect(sent[1]?.submission.client_key).not.toBe('first-key');
  // The case that was in hand is in hand again, with its score.
  expect(room.draft.value).toMatchObject({ assignment: 'b', scores: { noise: 4 } });
  await expect.poll(() => [...drafts.values.keys()]).toEqual(['reader1/b']);
});

test('a submission that waits for the network is corrected in the same queue', async () => {
  const { room, sent, outbox } = aRoom([aCase('a'), aCase('b')], undefined, () => ({ kind: 'passing' }));
  await room.start();
  const key = room.draft.value?.clientKey;
  scoreAll(room);
  await room.submit();
  await expect.poll(() => sent.length).toBe(1);
  await room.undo();
  expect(room.draft.value).toMatchObject({ assignment: 'a', corrects: key, scores: { noise: 3 } });
  await room.submit();
  await expect.poll(() => outbox.state.value.waiting.map(({ submission }) => submission.corrects)).toEqual([null, key]);
});

test('an acknowledgement of the first submission leaves the draft of its correction alone', async () => {
  let letGo: (outcome: SendOutcome) => void = () => undefined;
  const { room, drafts } = aRoom([aCase('a'), aCase('b')], undefined, () => new Promise((resolve) => (letGo = resolve)));
  await room.start();
  scoreAll(room);
  await room.submit();
  await expect.poll(() => letGo.length).toBe(1);
  await room.undo();
  letGo(savedNow());
  await expect.poll(() => room.counts.value?.done).toBe(1);
  expect(drafts.values.get('reader1/a')?.corrects).toBeTruthy();
});

test('what cannot be opened again is said, and nothing changes', async () => {
  const { room, server } = aRoom([aCase('a')]);
  server.on('worklist/undo/', () => new ApiError(409, 'undo_expired', 'Too late.'));
  await room.start();
  await room.undo();
  expect(room.notice.value).toBe('Too late.');
  expect(room.current.value?.assignment).toBe('a');
  scoreAll(room);
  expect(room.notice.value).toBe('');
});

test('no lease is asked for a case that was submitted before', async () => {
  const { room, server } = aRoom([aCase('b')]);
  server.on('worklist/undo/', () => reopened('a'));
  await room.start();
  await room.undo();
  await room.extendLeases();
  expect([server.count('/a/lease/'), server.count('/b/lease/')]).toEqual([0, 1]);
});

test('what cannot be judged is an answer', async () => {
  const { room, sent } = aRoom([aCase('a', TWO)]);
  await room.start();
  room.change((draft) => withScore(draft, 'noise', 2));
  room.change((draft) => withAbstention(draft, 'blur', 'not_shown'));
  expect(await room.submit()).toBe(true);
  expect(sent[0]?.submission).toMatchObject({ scores: { noise: 2 }, abstentions: { blur: 'not_shown' } });
});

test('for feedback a submitted case stays on the screen, closed to edits, until the reader goes on', async () => {
  const { room, sent } = aRoom([aCase('a'), aCase('b')], undefined, savedNow, { staysForFeedback: true });
  await room.start();
  scoreAll(room);
  expect(await room.submit()).toBe(true);
  await expect.poll(() => room.counts.value?.done).toBe(1);
  const onScreen = () => [room.phase.value, room.onScreen.value?.assignment, room.next.value?.assignment];
  expect(onScreen()).toEqual(['feedback', 'a', 'b']);
  room.change((draft) => withScore(draft, 'noise', 0));
  expect([room.draft.value, await room.submit(), sent.length]).toEqual([null, false, 1]);
  await room.proceed();
  expect([room.phase.value, room.onScreen.value?.assignment, room.draft.value?.assignment]).toEqual(['reading', 'b', 'b']);
});

test('after the feedback on the last case the room is empty', async () => {
  const { room } = aRoom([aCase('a')], undefined, savedNow, { staysForFeedback: true });
  await room.start();
  scoreAll(room);
  await room.submit();
  await expect.poll(() => room.counts.value?.done).toBe(1);
  expect(room.phase.value).toBe('feedback');
  await room.proceed();
  await expect.poll(() => room.phase.value).toBe('empty');
  expect(room.onScreen.value).toBeNull();
});

test('without a network the reader goes on from the feedback all the same', async () => {
  const { room, outbox } = aRoom([aCase('a'), aCase('b')], undefined, () => ({ kind: 'passing' }), { staysForFeedback: true });
  await room.start();
  scoreAll(room);
  await room.submit();
  await room.proceed();
  expect([room.current.value?.assignment, outbox.state.value.waiting.length]).toEqual(['b', 1]);
});

test('from the feedback the case is opened again for a correction', async () => {
  const { room } = aRoom([aCase('a'), aCase('b')], undefined, () => ({ kind: 'passing' }), { staysForFeedback: true });
  await room.start();
  scoreAll(room);
  await room.submit();
  await room.undo();
  expect([room.phase.value, room.draft.value?.assignment, room.next.value?.assignment]).toEqual(['reading', 'a', 'b']);
  expect(room.draft.value?.corrects).not.toBeNull();
});

test('a reader who is faster than the worklist is told to wait, and not that there is nothing', async () => {
  const { room, server } = aRoom([aCase('a'), aCase('b'), aCase('c')]);
  await room.start();
  const letGo: (() => void)[] = [];
  const worklist = server.answerOf('worklist/');
  server.on('worklist/', async (seen) => {
    await new Promise<void>((resolve) => letGo.push(resolve));
    return worklist(seen);
  });
  const phases: string[] = [];
  room.phase.subscribe((phase) => phases.push(phase));
  scoreAll(room);
  await room.submit();
  await expect.poll(() => letGo.length).toBe(1); // asked for more, and not answered yet
  scoreAll(room);
  const submitted = room.submit();
  await expect.poll(() => room.current.value).toBeNull();
  expect(room.phase.value).toBe('loading');
  letGo[0]?.();
  await submitted;
  expect(room.current.value?.assignment).toBe('c');
  expect(phases).not.toContain('empty');
});

test('a refused reading whose case cannot be had again stays, and that is said', async () => {
  const kept = memoryStore<OutboxEntry>();
  const refuse = (): SendOutcome => ({ kind: 'refused', reason: 'Too late.' });
  const before = aRoom([aCase('a'), aCase('b')], undefined, refuse, { kept });
  await before.room.start();
  scoreAll(before.room);
  await before.room.submit();
  await expect.poll(() => before.outbox.state.value.refused.length).toBe(1);
  const gone = aRoom([aCase('b')], before.drafts, refuse, { kept });
  await gone.room.start();
  await gone.room.reopen(gone.outbox.state.value.refused[0]!);
  expect(gone.outbox.state.value.refused.map(({ assignment }) => assignment)).toEqual(['a']);
  expect(gone.room.notice.value).not.toBe('');
  expect(gone.room.current.value?.assignment).toBe('b');
  const there = aRoom([aCase('a'), aCase('b')], before.drafts, refuse, { kept });
  await there.room.start();
  await there.room.reopen(there.outbox.state.value.refused[0]!);
  expect(there.room.current.value?.assignment).toBe('a');
  expect(there.room.draft.value?.scores).toEqual({ noise: 3 });
  expect(there.outbox.state.value.refused).toEqual([]);
});
