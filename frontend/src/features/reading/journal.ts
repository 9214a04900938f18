/** A small table that is on the device when `set` returns: for what may not be lost to a tab that closes at once. */
export interface Journal<Value> {
  get(key: string): Value | null;
  /** Returns false where the browser keeps nothing. */
  set(key: string, value: Value): boolean;
  delete(key: string): void;
  all(): [string, Value][];
  /** Tells of what other tabs of the browser set. */
  hear(listener: (key: string, value: Value) => void): void;
}

/** Local storage, where the browser allows it; else a journal that keeps nothing. */
export function openJournal<Value>(name: string): Journal<Value> {
  const prefix = `${name}/`;
  const read = (key: string): Value | null => attempt(() => parse<Value>(localStorage.getItem(key)), null);
  return {
    get: (key) => read(prefix + key),
    set: (key, value) => attempt(() => (localStorage.setItem(prefix + key, JSON.stringify(value)), true), false),
    delete: (key) => attempt(() => localStorage.removeItem(prefix + key), undefined),
    all: () =>
      attempt(() => Object.keys(localStorage), [])
        .filter((key) => key.startsWith(prefix))
        .flatMap((key): [string, Value][] => {
          const value = read(key);
          return value === null ? [] : [[key.slice(prefix.length), value]];
        }),
    hear: (listener) =>
      addEventListener('storage', ({ key, newValue }) => {
        const value = key?.startsWith(prefix) ? attempt(() => parse<Value>(newValue), null) : null;
        if (key !== null && value !== null) listener(key.slice(prefix.length), value);
      }),
  };
}

function parse<Value>(text: string | null): Value | null {
  return text === null ? null : (JSON.parse(text) as Value);
}

function attempt<Result>(work: () => Result, otherwise: Result): Result {
  try {
    return work();
  } catch {
    return otherwise;
  }
}
