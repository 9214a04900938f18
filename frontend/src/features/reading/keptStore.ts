import { createStore, del, entries, get, set, type UseStore } from 'idb-keyval';
import { openJournal } from './journal';

/** A small table on the device. */
export interface KeptStore<Value> {
  get(key: string): Promise<Value | null>;
  set(key: string, value: Value): Promise<void>;
  delete(key: string): Promise<void>;
  all(): Promise<[string, Value][]>;
  /** False where the browser refused its disk: what is kept then lasts as long as the tab. */
  isDurable(): boolean;
}

/**
 * Keeps values in IndexedDB, and in memory as well, so that a full or forbidden disk loses nothing within the tab.
 * IndexedDB writes later; until it has, the value stands in a journal that is written before `set` returns.
 */
export function openKeptStore<Value>(name: string): KeptStore<Value> {
  const memory = new Map<string, Value>();
  const journal = openJournal<Value>(name);
  let isDurable = true;
  let store: UseStore | null = null;

  async function onDisk<Result>(work: (store: UseStore) => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      store ??= createStore(name, 'kept');
      const result = await work(store);
      isDurable = true;
      return result;
    } catch {
      isDurable = false;
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
      if (isOnDisk && memory.get(key) === value) journal.delete(key);
    },
    async delete(key) {
      memory.delete(key);
      journal.delete(key);
      await onDisk((disk) => del(key, disk), undefined);
    },
    async all() {
      const kept = await onDisk<[string, Value][]>((disk) => entries<string, Value>(disk), []);
      return [...new Map([...kept, ...journal.all(), ...memory])];
    },
    isDurable: () => isDurable,
  };
}
