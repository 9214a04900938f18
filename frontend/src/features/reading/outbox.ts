import { signal, type ReadonlySignal } from '@preact/signals';
import type { ReadingReceipt, Submission } from '../../api/types';
import { backoffMilliseconds } from '../../lib/backoff';
import type { KeptStore } from './keptStore';

/** A submitted judgement on its way; what a person calls "my score" until the server has it. */
export interface OutboxEntry {
  username: string;
  assignment: string;
  title: string;
  url: string;
  submission: Submission;
  /** Milliseconds since 1970, for the order only. */
  queuedAt: number;
  /** Why the server refused it; null while it waits. */
  refusal: string | null;
}

export type SendOutcome =
  | { kind: 'saved'; receipt: ReadingReceipt }
  | { kind: 'refused'; reason: string }
  | { kind: 'passing' }
  | { kind: 'sign_in' };

export type OutboxStatus = 'idle' | 'sending' | 'offline' | 'sign_in';

export interface OutboxState {
  status: OutboxStatus;
  waiting: readonly OutboxEntry[];
  refused: readonly OutboxEntry[];
  /** When the server last acknowledged one, on this device's clock. */
  savedAt: Date | null;
}

export interface OutboxOptions {
  username: string;
  store: KeptStore<OutboxEntry>;
  send: (entry: OutboxEntry) => Promise<SendOutcome>;
  onSaved: (entry: OutboxEntry, receipt: ReadingReceipt) => void;
  onRefused: (entry: OutboxEntry) => void;
  now: () => Date;
  /** Calls back later; returns the way to call it off. */
  schedule: (callback: () => void, milliseconds: number) => () => void;
}

export interface Outbox {
  state: ReadonlySignal<OutboxState>;
  /** Reads what an earlier visit left, without sending. */
  open(): Promise<void>;
  /** Keeps the entry on the device, then sends all that waits. Resolves once it is kept. */
  add(entry: OutboxEntry): Promise<void>;
  /** Sends what waits, in order, one at a time; resolves when it stops. */
  flush(): Promise<void>;
  /** Takes a refused entry out of the box. */
  dismiss(clientKey: string): Promise<void>;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const state = signal<OutboxState>({ status: 'idle', waiting: [], refused: [], savedAt: null });
  let failures = 0;
  let flushing: Promise<void> | null = null;
  let callOff: (() => void) | null = null;

  function update(change: Partial<OutboxState>): void {
    state.value = { ...state.value, ...change };
  }

  async function read(): Promise<void> {
    const kept = (await options.store.all()).map(([, entry]) => entry);
    const mine = kept.filter((entry) => entry.username === options.username).sort((a, b) => a.queuedAt - b.queuedAt);
    update({
      waiting: mine.filter((entry) => entry.refusal === null),
      refused: mine.filter((entry) => entry.refusal !== null),
    });
  }

  /** Returns whether the next one may be sent. */
  async function settle(entry: OutboxEntry, outcome: SendOutcome): Promise<boolean> {
    if (outcome.kind === 'passing') {
      failures += 1;
      update({ status: 'offline' });
      callOff = options.schedule(() => void flush(), backoffMilliseconds(failures));
      return false;
    }
    if (outcome.kind === 'sign_in') {
      update({ status: 'sign_in' });
      return false;
    }
    failures = 0;
    const key = entry.submission.client_key;
    const refused = outcome.kind === 'refused' ? { ...entry, refusal: outcome.reason } : null;
    if (refused) await options.store.set(key, refused);
    else await options.store.delete(key);
    await read();
    if (outcome.kind === 'saved') {
      update({ savedAt: options.now() });
      options.onSaved(entry, outcome.receipt);
    } else if (refused) options.onRefused(refused);
    return true;
  }

  async function sendAll(): Promise<void> {
    for (let entry = state.value.waiting[0]; entry; entry = state.value.waiting[0]) {
      update({ status: 'sending' });
      if (!(await settle(entry, await options.send(entry)))) return;
    }
    update({ status: 'idle' });
  }

  async function flush(): Promise<void> {
    callOff?.();
    callOff = null;
    flushing ??= sendAll().finally(() => {
      flushing = null;
    });
    await flushing;
  }

  return {
    state,
    open: read,
    async add(entry) {
      await options.store.set(entry.submission.client_key, entry);
      await read();
      void flush();
    },
    flush,
    async dismiss(clientKey) {
      await options.store.delete(clientKey);
      await read();
    },
  };
}
