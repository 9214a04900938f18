import { signal } from '@preact/signals';
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
  now: () => Date;
  /** Resolves when the next picture is there, or soon: what is kept may wait for it. */
  whenDrawn?: () => Promise<void>;
  /** Calls back later; returns the way to call it off. */
  schedule: (callback: () => void, milliseconds: number) => () => void;
}

/** The readings on their way: kept on the device first, sent in order, gone when the server says so. */
export class Outbox {
  readonly state = signal<OutboxState>({ status: 'idle', waiting: [], refused: [], savedAt: null });
  /** Acknowledged in this sitting: a disk that refuses to forget must not send them again. */
  private readonly saved = new Set<string>();
  private failures = 0;
  private flushing: Promise<void> | null = null;
  private callOff: (() => void) | null = null;

  constructor(private readonly options: OutboxOptions) {}

  /** Reads what an earlier visit left, without sending. */
  async open(): Promise<void> {
    const kept = (await this.options.store.all()).map(([, entry]) => entry);
    const mine = kept.filter(({ username, submission }) => username === this.options.username && !this.saved.has(submission.client_key));
    mine.sort((a, b) => a.queuedAt - b.queuedAt);
    this.update({
      waiting: mine.filter((entry) => entry.refusal === null),
      refused: mine.filter((entry) => entry.refusal !== null),
    });
  }

  /** Tells of what other tabs of the browser submit. */
  hear(listener: (entry: OutboxEntry) => void): void {
    this.options.store.hear((_, entry) => listener(entry));
  }

  /** Keeps the entry on the device, then sends all that waits. Resolves once it is kept: in the journal, else on the disk. */
  async add(entry: OutboxEntry): Promise<void> {
    const { store, whenDrawn } = this.options;
    const { client_key: key } = entry.submission;
    const queued = { ...entry, queuedAt: this.behindAll(entry.queuedAt) };
    const isOnDisk = store.set(key, queued);
    if (!store.isJournalled(key)) await isOnDisk;
    this.update({ waiting: [...this.state.value.waiting.filter(({ submission }) => submission.client_key !== key), queued] });
    const drawn = whenDrawn?.();
    if (drawn) {
      void drawn.then(() => this.open()).then(() => this.flush());
    } else {
      await this.open();
      void this.flush();
    }
  }

  /** A clock that was set back must not let a correction overtake what it corrects. */
  private behindAll(queuedAt: number): number {
    const { waiting, refused } = this.state.value;
    return Math.max(queuedAt, ...[...waiting, ...refused].map((entry) => entry.queuedAt + 1));
  }

  /** Sends what waits, in order, one at a time; resolves when it stops. */
  async flush(): Promise<void> {
    this.callOff?.();
    this.callOff = null;
    this.flushing ??= this.sendAll().finally(() => {
      this.flushing = null;
    });
    await this.flushing;
    // Added in the very moment in which the last round ended.
    const { status, waiting } = this.state.value;
    if (status === 'idle' && waiting.length > 0) await this.flush();
  }

  /** Takes a refused entry out of the box. */
  async dismiss(clientKey: string): Promise<void> {
    await this.options.store.delete(clientKey);
    await this.open();
  }

  private async sendAll(): Promise<void> {
    for (let entry = this.state.value.waiting[0]; entry; entry = this.state.value.waiting[0]) {
      this.update({ status: 'sending' });
      if (!(await this.settle(entry, await this.options.send(entry)))) return;
    }
    this.update({ status: 'idle' });
  }

  /** Returns whether the next one may be sent. */
  private async settle(entry: OutboxEntry, outcome: SendOutcome): Promise<boolean> {
    switch (outcome.kind) {
      case 'passing':
        this.failures += 1;
        this.update({ status: 'offline' });
        this.callOff = this.options.schedule(() => void this.flush(), backoffMilliseconds(this.failures));
        return false;
      case 'sign_in':
        this.update({ status: 'sign_in' });
        return false;
      case 'saved':
        await this.saidSaved(entry, outcome.receipt);
        break;
      case 'refused':
        await this.options.store.set(entry.submission.client_key, { ...entry, refusal: outcome.reason });
        await this.open();
        break;
    }
    this.failures = 0;
    return true;
  }

  /** Out of the box and acknowledged in one moment: in between, a worklist could bring the case back. */
  private async saidSaved(entry: OutboxEntry, receipt: ReadingReceipt): Promise<void> {
    const { client_key: key } = entry.submission;
    this.saved.add(key);
    const waiting = this.state.value.waiting.filter(({ submission }) => submission.client_key !== key);
    this.update({ waiting, savedAt: this.options.now() });
    this.options.onSaved(entry, receipt);
    await this.options.store.delete(key);
    await this.open();
  }

  private update(change: Partial<OutboxState>): void {
    this.state.value = { ...this.state.value, ...change };
  }
}
