import { signal } from '@preact/signals';
import { ApiError, isPassing, type ApiClient } from '../../api/client';
import type { DraftState, ServerDraft } from '../../api/types';
import { backoffMilliseconds } from '../../lib/backoff';
import { isWorthTelling, timesToTell } from './caseTimes';
import { answersOf, hasAnswers, isUnsent, revisedOf, type Asked, type Draft } from './draft';
import type { Answers, Revised } from './mergeDrafts';
import type { Session } from './session';

/** So long after an edit it is sent, together with those that came meanwhile. */
export const SEND_AFTER_MS = 1500;

export interface DraftSyncState {
  status: 'idle' | 'unsent' | 'offline';
  /** When the server last acknowledged an edit of the case in hand, on this device's clock. */
  savedAt: Date | null;
}

export interface DraftSyncOptions {
  client: ApiClient;
  session: Session;
  urlOf: (assignment: string) => string;
  /** The draft in hand, as it stands when it is sent. */
  current: () => Draft | null;
  /** What the server has of the draft in hand. */
  onAnswer: (server: ServerDraft, asked: Asked) => void;
  /** The case in hand was submitted on another device or in another tab, under this key. */
  onSubmitted: (clientKey: string) => void;
  /** Active milliseconds of the draft in hand on this device, and the time to count it by. */
  activeMs: () => number;
  now: () => Date;
  schedule: (callback: () => void, milliseconds: number) => () => void;
}

type Next = 'send' | 'pull' | 'wait';

/** Brings the draft in hand to the server within seconds of an edit, and back from it. */
export class DraftSync {
  readonly state = signal<DraftSyncState>({ status: 'idle', savedAt: null });
  private callOff: (() => void) | null = null;
  private isBusy = false;
  private failures = 0;
  /** What stood here when the case came on the screen, until the server answers or can't: it had no edit after that. */
  private opened: Revised | null = null;
  /** Whether the server has answered since then: before, a draft with more edits would replace unseen what it has. */
  private isHeard = false;
  /** Asked for while another request was under way. */
  private isPullWanted = false;

  constructor(private readonly options: DraftSyncOptions) {}

  /** Another case is in hand. */
  restart(): void {
    this.callOff?.();
    this.callOff = null;
    this.failures = 0;
    const draft = this.options.current();
    this.opened = draft && revisedOf(draft);
    this.isHeard = false;
    this.state.value = { status: 'idle', savedAt: null };
  }

  /** There was an edit: it is sent soon. */
  noteEdit(): void {
    if (!this.hasUnsent()) return;
    if (this.state.value.status === 'idle') this.update({ status: 'unsent' });
    this.callOff ??= this.options.schedule(() => void this.send(), SEND_AFTER_MS);
  }

  /** Sends now what is unsent; who leaves the page sends also how long they looked, if they changed nothing. */
  async send(isLeaving = false): Promise<void> {
    this.callOff?.();
    this.callOff = null;
    const draft = this.options.current();
    if (!draft) return;
    const { client, urlOf, now } = this.options;
    const activeMs = this.options.activeMs();
    if (!isUnsent(draft) && !(isLeaving && isWorthTelling(draft, activeMs))) return;
    if (!this.isHeard) return this.pull();
    const { assignment, clientKey: client_key, corrects } = draft;
    const revision = Math.max(draft.revision, 1);
    const times = timesToTell(draft, activeMs, now().getTime());
    const sent = answersOf(draft);
    await this.exchange(draft, sent, () =>
      client.put<DraftState>(urlOf(assignment), { client_key, revision, content: { ...sent, corrects }, times }),
    );
  }

  /** Asks for what another device may have done to the draft in hand. */
  async pull(): Promise<void> {
    const draft = this.options.current();
    this.isPullWanted = this.isBusy;
    if (!draft || this.isBusy) return;
    await this.exchange(draft, null, () => this.options.client.get<DraftState>(this.options.urlOf(draft.assignment)));
  }

  /** One request at a time; what was changed meanwhile is sent after it. */
  private async exchange(draft: Draft, sent: Answers | null, ask: () => Promise<DraftState>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    const isInHand = (): boolean => this.options.current()?.assignment === draft.assignment;
    let next: Next = 'send';
    const now = revisedOf(draft);
    try {
      const answer = await this.options.session.during(ask);
      if (isInHand()) next = this.settle(answer, { sent, before: this.opened ?? now, isEdit: isUnsent(draft) });
    } catch (error) {
      if (isInHand()) next = this.failed(error);
    }
    this.isBusy = false;
    if (next === 'pull' || this.isPullWanted) await this.pull();
    else if (next === 'send' || !isInHand()) this.noteEdit();
  }

  private settle({ draft: server, submitted }: DraftState, asked: Asked): Next {
    this.failures = 0;
    this.opened = null;
    this.isHeard = true;
    const corrects = this.options.current()?.corrects ?? null;
    // What this one corrects still waits for the network: its turn comes with the acknowledgement.
    if (submitted === null && corrects !== null) return 'wait';
    if (submitted !== null && submitted !== corrects) this.options.onSubmitted(submitted);
    else if (server) this.options.onAnswer(server, asked);
    const draft = this.options.current();
    // Who left after a look told their times alone: that is no answer that was saved.
    const isSaved = draft !== null && server !== null && !isUnsent(draft) && (asked.isEdit || hasAnswers(draft));
    this.update({ status: 'idle', ...(isSaved && { savedAt: this.options.now() }) });
    return 'send';
  }

  private failed(error: unknown): Next {
    if (error instanceof ApiError && error.code === 'already_submitted') return 'pull';
    // Another refusal is the submission's to tell; the device keeps the draft, and the server does not have it.
    if (!isPassing(error)) {
      this.update({ status: 'idle', savedAt: null });
      return 'wait';
    }
    this.failures += 1;
    this.opened = null;
    if (this.hasUnsent()) this.update({ status: 'offline' });
    this.callOff ??= this.options.schedule(() => void this.send(), backoffMilliseconds(this.failures));
    return 'wait';
  }

  private hasUnsent(): boolean {
    const draft = this.options.current();
    return draft !== null && isUnsent(draft);
  }

  private update(change: Partial<DraftSyncState>): void {
    this.state.value = { ...this.state.value, ...change };
  }
}
