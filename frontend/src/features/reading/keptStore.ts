import { createStore, del, entries, get, set, type UseStore } from 'idb-keyval';
import { openJournal } from './journal';

/** A small table on the device. */
export interface KeptStore<Value> {
  get(key: string): Promise<Value | null>;
  set(key: string, value: Value): Promise<void>;
  delete(key: string): Promise<void>;
  all(): Promise<[string, Value][]>;
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
  const refused = new Set<string>();
  let store: UseStore | null = null;

  async function onDisk<Result>(work: (store: UseStore) => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      store ??= createStore(name, 'kept');
      return await work(store);
    } catch {
      return otherwise;
    }
  }

  return {
    async get(key) {
      return memory.get(key) ?? journal.get(key) ?? (await onDisk<Value | undefined>((disk) => get(key, disk), undefined)) ?? null;
    },
    async set(key, value) {
      memory.set(key, value);
      journal.set(key, value);
      const isOnDisk = await onDisk((disk) => set(key, value, disk).then(() => true), false);
      if (memory.get(key) !== value) return;
      if (!isOnDisk) refused.add(key);
      else {
        refused.delete(key);
        journal.delete(key);
      }
    },
    async delete(key) {
      memory.delete(key);
      journal.delete(key);
      refused.delete(key);
      await onDisk((disk) => del(key, disk), undefined);
    },
    async all() {
      const kept = await onDisk<[string, Value][]>((disk) => entries<string, Value>(disk), []);
      return [...new Map([...kept, ...journal.all(), ...memory])];
    },
    isDurable: () => refused.size === 0,
  };
}
