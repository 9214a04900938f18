import 'fake-indexeddb/auto';
import { expect, test, vi } from 'vitest';
import { RECEIPT, anEntry, memoryStore } from '../../testing/fakes';
import { openKeptStore, type KeptStore } from './keptStore';
import { Outbox, type OutboxEntry, type OutboxOptions, type SendOutcome } from './outbox';

const SAVED: SendOutcome = { kind: 'saved', receipt: RECEIPT };

function anOutbox(outcomes: SendOutcome[] = [], store: KeptStore<OutboxEntry> = memoryStore<OutboxEntry>(), more: Pick<OutboxOptions, 'whenDrawn'> = {}) {
  const sent: string[] = [];
  const waits: { callback: () => void; milliseconds: number }[] = [];
  const onSaved = vi.fn();
  const outbox = new Outbox({
    username: 'reader1',
    store,
    send: (entry) => {
      sent.push(entry.submission.client_key);
      return Promise.resolve(outcomes.shift() ?? SAVED);
    },
    onSaved,
    now: () => new Date(2025, 0, 1, 14, 3),
    schedule: (callback, milliseconds) => {
      waits.push({ callback, milliseconds });
      return () => undefined;
    },
    ...more,
  });
  return { outbox, sent, waits, onSaved, store };
}

test('keeps a reading on the device before it sends it', async () => {
  const store = memoryStore<OutboxEntry>();
  const order: string[] = [];
  const set = store.set.bind(store);
  store.set = async (key, value) => {
    await set(key, value);
    order.push('kept');
  };
  const { outbox } = anOutbox([], store);
  const send = outbox.flush.bind(outbox);
  outbox.flush = () => {
    order.push('sent');
    return send();
  };
  await outbox.add(anEntry('a'));
  expect(order).toEqual(['kept', 'sent']);
});

test('a reading is kept at once and sent when the next picture is drawn', async () => {
  let draw = (): void => undefined;
  const drawn = new Promise<void>((resolve) => (draw = resolve));
  const { outbox, sent, store } = anOutbox([], memoryStore<OutboxEntry>(), { whenDrawn: () => drawn });
  await outbox.add(anEntry('a'));
  expect(await store.all()).toHaveLength(1);
  expect(sent).toEqual([]);
  draw();
  await expect.poll(() => sent).toEqual(['a']);
});

test('a reading in the journal waits for no disk', async () => {
  const store = memoryStore<OutboxEntry>();
  const never = new Promise<void>(() => undefined);
  store.set = (key, value) => (store.values.set(key, value), never);
  store.isJournalled = (key) => store.values.has(key);
  const { outbox } = anOutbox([], store, { whenDrawn: () => never });
  await outbox.add(anEntry('a'));
  expect(outbox.state.value.waiting.map((entry) => entry.title)).toEqual(['a']);
});

test('a reading that the journal did not take waits for the disk', async () => {
  const store = memoryStore<OutboxEntry>();
  let write = (): void => undefined;
  store.set = () => new Promise((resolve) => (write = resolve));
  const { outbox } = anOutbox([], store);
  let isAdded = false;
  const added = outbox.add(anEntry('a')).then(() => (isAdded = true));
  await new Promise((resolve) => setTimeout(resolve));
  expect(isAdded).toBe(false);
  write();
  await added;
  expect(isAdded).toBe(true);
});

test('says saved only after the acknowledgement, and forgets the entry then', async () => {
  const { outbox, onSaved, store } = anOutbox();
  await outbox.open();
  expect(outbox.state.value.savedAt).toBeNull();
  await outbox.add(anEntry('a'));
  await outbox.flush();
  expect(outbox.state.value).toMatchObject({ status: 'idle', waiting: [], savedAt: new Date(2025, 0, 1, 14, 3) });
  expect(onSaved).toHaveBeenCalledOnce();
  expect(await store.all()).toEqual([]);
});

test('without a network it waits longer each time and sends in order once there is one', async () => {
  const { outbox, sent, waits } = anOutbox([{ kind: 'passing' }, { kind: 'passing' }]);
  await outbox.add(anEntry('a', 1));
  await outbox.flush();
  await outbox.add(anEntry('b', 2));
  await outbox.flush();
  expect(outbox.state.value.waiting.map((entry) => entry.title)).toEqual(['a', 'b']);
  expect(outbox.state.value.savedAt).toBeNull();
  await outbox.flush();
  expect(sent.filter((key) => key === 'b')).toHaveLength(1);
  expect(sent.at(-1)).toBe('b');
  expect(waits.map((wait) => wait.milliseconds).slice(0, 2)).toEqual([1000, 2000]);
  expect(outbox.state.value.waiting).toEqual([]);
});

test('an ended session stops the sending and keeps all', async () => {
  const { outbox, sent } = anOutbox([{ kind: 'sign_in' }]);
  await outbox.add(anEntry('a', 1));
  await outbox.flush();
  expect(outbox.state.value).toMatchObject({ status: 'sign_in' });
  expect(outbox.state.value.waiting).toHaveLength(1);
  await outbox.flush();
  expect(sent).toEqual(['a', 'a']);
  expect(outbox.state.value.waiting).toEqual([]);
});

test('a refused reading stays with its reason and lets the next one through', async () => {
  const { outbox, store } = anOutbox([{ kind: 'refused', reason: 'Given to another reader.' }]);
  await outbox.add(anEntry('a', 1));
  await outbox.flush();
  await outbox.add(anEntry('b', 2));
  await outbox.flush();
  expect(outbox.state.value.refused.map((entry) => [entry.title, entry.refusal])).toEqual([['a', 'Given to another reader.']]);
  expect(outbox.state.value.waiting).toEqual([]);
  await outbox.dismiss('a');
  expect(await store.all()).toEqual([]);
});

test('what an earlier visit left is sent by the next one, and only to its own person', async () => {
  const store = openKeptStore<OutboxEntry>('earlier-visit');
  await store.set('a', anEntry('a'));
  await store.set('x', { ...anEntry('x'), username: 'someone else' });
  const { outbox, sent } = anOutbox([], openKeptStore<OutboxEntry>('earlier-visit'));
  await outbox.open();
  await outbox.flush();
  expect(sent).toEqual(['a']);
});

test('a disk that does not forget does not send twice', async () => {
  const store = memoryStore<OutboxEntry>();
  store.delete = () => Promise.resolve();
  const { outbox, sent } = anOutbox([], store);
  await outbox.add(anEntry('a'));
  await outbox.flush();
  await outbox.flush();
  expect(sent).toEqual(['a']);
});

test('two flushes at once send once', async () => {
  const { outbox, sent, store } = anOutbox();
  await store.set('a', anEntry('a'));
  await outbox.open();
  await Promise.all([outbox.flush(), outbox.flush()]);
  expect(sent).toEqual(['a']);
});

test('a clock that was set back lets no correction overtake what it corrects', async () => {
  const { outbox, sent } = anOutbox([{ kind: 'passing' }, { kind: 'passing' }]);
  await outbox.add(anEntry('first', 5000));
  await outbox.flush();
  await outbox.add(anEntry('correction', 1000));
  await outbox.flush();
  await outbox.flush();
  expect(outbox.state.value.waiting).toEqual([]);
  expect(sent.slice(-2)).toEqual(['first', 'correction']);
});
