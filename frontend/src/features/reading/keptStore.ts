import { signal } from '@preact/signals';
import { createStore, del, entries, get, promisifyRequest, type UseStore } from 'idb-keyval';
import { openJournal } from './journal';

/** A small table on the device. */
export interface KeptStore<Value> {
  get(key: string): Promise<Value | null>;
  /** Resolves when the disk has it, or refuses it. */
  set(key: string, value: Value): Promise<void>;
  delete(key: string): Promise<void>;
  all(): Promise<[string, Value][]>;
  /** Tells of what other tabs of the browser set, at once. */
  hear(listener: (key: string, value: Value) => void): void;
  /** Set and not on the disk yet, but in the journal: a tab that closes loses nothing. */
  isJournalled(key: string): boolean;
  /** False while the browser refuses its disk for something kept: that may last only as long as the tab. */
  isDurable(): boolean;
}

/**
 * Keeps values in IndexedDB, and in memory as well, so that a full or forbidden disk loses nothing within the tab.
 * IndexedDB writes later; until it has, the value stands in a journal that is written before `set` returns.
 */
export function openKeptStore<Value>(name: string): KeptStore<Value> {
  const memory = new Map<string, Value>();
  const journal = openJournal<Value>(name);
  /** The keys whose values the disk was refused for. */
  const refused = signal<ReadonlySet<string>>(new Set());
  const journalled = new Set<string>();
  let store: UseStore | null = null;

  async function onDisk<Result>(work: (store: UseStore) => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      store ??= createStore(name, 'kept');
      return await work(store);
    } catch {
      return otherwise;
    }
  }

  function forgetJournal(key: string): void {
    journal.delete(key);
    journalled.delete(key);
  }

  function note(key: string, isRefused: boolean): void {
    if (refused.peek().has(key) === isRefused) return;
    const others = [...refused.peek()].filter((other) => other !== key);
    refused.value = new Set(isRefused ? [...others, key] : others);
  }

  return {
    async get(key) {
      return memory.get(key) ?? journal.get(key) ?? (await onDisk<Value | undefined>((disk) => get(key, disk), undefined)) ?? null;
    },
    async set(key, value) {
      memory.set(key, value);
      if (journal.set(key, value)) journalled.add(key);
      const isOnDisk = await onDisk((disk) => write(disk, key, value), false);
      if (memory.get(key) !== value) return;
      if (isOnDisk) forgetJournal(key);
      note(key, !isOnDisk);
    },
    async delete(key) {
      memory.delete(key);
      forgetJournal(key);
      note(key, false);
      await onDisk((disk) => del(key, disk), undefined);
    },
    async all() {
      const kept = await onDisk<[string, Value][]>((disk) => entries<string, Value>(disk), []);
      return [...new Map([...kept, ...journal.all(), ...memory])];
    },
    hear: (listener) =>
      journal.hear((key, value) => {
        memory.delete(key);
        listener(key, value);
      }),
    isJournalled: (key) => journalled.has(key),
    isDurable: () => refused.value.size === 0,
  };
}

/** Done without another word from this thread, which may be at work on the next picture. */
function write<Value>(disk: UseStore, key: string, value: Value): Promise<boolean> {
  return disk('readwrite', async (objects) => {
    objects.put(value, key);
    objects.transaction.commit();
    await promisifyRequest(objects.transaction);
    return true;
  });
}
