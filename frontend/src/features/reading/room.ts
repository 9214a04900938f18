import { batch, computed, signal } from '@preact/signals';
import { ApiError, isPassing, type ApiClient } from '../../api/client';
import type { Case, Criterion, DisplayState, ReadingReceipt, Reopened, ServerDraft, Submission, Worklist } from '../../api/types';
import { t } from '../../lib/i18n';
import { keepOrder } from '../../lib/worklist';
import { withHeard } from './caseTimes';
import { asCorrection, correctionOf, firstOpen, followed, isUnsent, joined, missingCriteria, restoreDraft, type Asked, type Draft } from './draft';
import { DraftSync } from './draftSync';
import type { KeptStore } from './keptStore';
import type { Outbox, OutboxEntry } from './outbox';
import type { Session } from './session';
import { isSubmitted, submissionOf } from './submission';

export type RoomPhase = 'loading' | 'reading' | 'feedback' | 'empty' | 'offline' | 'failed';

export interface RoomOptions {
  client: ApiClient;
  session: Session;
  outbox: Outbox;
  drafts: KeptStore<Draft>;
  username: string;
  worklistUrl: string;
  assignmentsUrl: string;
  undoUrl: string;
  now: () => number;
  /** What was on the screen, asked for at the moment of submission. */
  displayState: () => DisplayState;
  /** After a submission the case stays on the screen until the reader goes on. */
  staysForFeedback?: boolean;
  /** Resolves when this case is on the screen, or soon. */
  whenDrawn?: (assignment: string) => Promise<void>;
  /** Nothing is submitted of an image that was not on the screen, but that it cannot be judged. */
  maySubmit: (draft: Draft) => boolean;
  /** Active milliseconds of the open case, and a fresh start for the next one. */
  activity: { activeMs: () => number; restart: (activeMs: number, isByItself?: boolean) => void };
  /** Calls back later; returns the way to call it off. */
  schedule: (callback: () => void, milliseconds: number) => () => void;
}

/** The case in hand and the one after it. */
const HELD = 2;
/** The most that one request may lease. */
const MOST = 3;

/** One reader's sitting: which case is open, what has been scored, and what comes next. */
export class Room {
  readonly phase = signal<RoomPhase>('loading');
  readonly cases = signal<readonly Case[]>([]);
  readonly draft = signal<Draft | null>(null);
  readonly criterionIndex = signal(0);
  readonly isMissingShown = signal(false);
  readonly counts = signal<{ open: number; done: number } | null>(null);
  /** Why the worklist could not be had, for people. */
  readonly problem = signal('');
  /** The Project hands out nothing before this screen was tested. */
  readonly needsDisplayCheck = signal(false);
  /** What was just asked for and could not be, for people; gone with the next change. */
  readonly notice = signal('');

  readonly current = computed<Case | null>(() => this.cases.value[0] ?? null);
  /** Submitted and still looked at, for feedback. */
  readonly reviewed = signal<Case | null>(null);
  readonly onScreen = computed<Case | null>(() => this.reviewed.value ?? this.current.value);
  /** What is on the screen and what comes after it. */
  readonly held = computed<readonly Case[]>(() => [...(this.reviewed.value ? [this.reviewed.value] : []), ...this.cases.value]);
  readonly next = computed<Case | null>(() => this.held.value[1] ?? null);
  readonly criterion = computed<Criterion | null>(
    () => this.current.value?.rubric.criteria[this.criterionIndex.value] ?? null,
  );
  readonly missing = computed<Criterion[]>(() => {
    const [reading, draft] = [this.current.value, this.draft.value];
    return reading && draft ? missingCriteria(reading.rubric, draft) : [];
  });

  /** Submitted and not yet acknowledged, by client key: the way back after a refusal, or for who thinks again. */
  private readonly submitted = new Map<string, Case>();
  /** Acknowledged in this sitting: a worklist asked for earlier may still name them. */
  private readonly finished = new Set<string>();
  /** Opened again after submission. */
  private readonly corrected = new Set<string>();
  /** What another tab of this browser submitted last. */
  private sentByTab: Submission | null = null;
  private refilling: Promise<void> | null = null;
  private isSubmitting = false;

  /** Brings the draft to the server and back. */
  readonly sync: DraftSync;

  constructor(private readonly options: RoomOptions) {
    const { client, session, schedule, now } = options;
    this.sync = new DraftSync({
      client,
      session,
      schedule,
      activeMs: () => this.options.activity.activeMs(),
      now: () => new Date(now()),
      urlOf: (assignment) => this.assignmentUrl(assignment, 'draft'),
      current: () => this.draft.value,
      onAnswer: (server, asked) => this.join(server, asked),
      onSubmitted: (clientKey) => this.submittedElsewhere(clientKey),
    });
    options.drafts.hear((_, there) => this.follow(there));
    options.outbox.hear(({ submission }) => (this.sentByTab = submission));
  }

  /** What an earlier visit left is sent first; then the first case is opened. */
  async start(): Promise<void> {
    await this.options.outbox.open();
    await this.options.outbox.flush();
    await this.refill();
  }

  /** Leases what is missing up to the case in hand and the next. */
  async refill(): Promise<void> {
    this.refilling ??= this.lease().finally(() => {
      this.refilling = null;
    });
    await this.refilling;
  }

  change(edit: (draft: Draft) => Draft): void {
    const draft = this.draft.value;
    if (!draft || this.isSubmitting) return;
    this.draft.value = { ...edit(draft), revision: draft.revision + 1 };
    this.notice.value = '';
    this.keep();
    this.sync.noteEdit();
  }

  /** Another tab of this browser went on with the case in hand: what this one keeps later must not be older. */
  private follow(there: Draft): void {
    const draft = this.draft.value;
    if (!draft || this.isSubmitting || there.assignment !== draft.assignment || there.corrects !== draft.corrects) return;
    if (there.revision <= draft.revision) return;
    this.draft.value = followed(draft, there);
    this.sync.noteEdit();
  }

  /** Takes in what another device did to the draft in hand. */
  private join(server: ServerDraft, asked: Asked): void {
    const draft = this.draft.value;
    if (!draft || this.isSubmitting) return;
    this.draft.value = joined(withHeard(draft, server.times, this.options.now()), server, asked);
    this.keep();
  }

  /** Submitted in another tab or on another device: the case goes, unless there is something here to correct it by. */
  private submittedElsewhere(clientKey: string): void {
    const draft = this.draft.value;
    if (!draft || this.isSubmitting || this.unacknowledged().has(draft.assignment)) return;
    this.notice.value = t('This case was submitted in another window or on another device.');
    const isSentByTab = this.sentByTab?.client_key === clientKey && isSubmitted(draft, this.sentByTab);
    if (isUnsent(draft) && !isSentByTab) {
      this.draft.value = asCorrection(draft, clientKey);
      this.corrected.add(draft.assignment);
      this.keep();
      return;
    }
    this.finished.add(draft.assignment);
    void this.options.drafts.delete(this.draftKey(draft.assignment));
    void this.advance().then(() => this.refill());
  }

  /** Writes the draft to the device, with the active time up to now. */
  keep(): void {
    const draft = this.draft.value;
    if (!draft) return;
    const kept = { ...draft, activeMs: this.options.activity.activeMs() };
    void this.options.drafts.set(this.draftKey(draft.assignment), kept);
  }

  setCriterion(index: number): void {
    const count = this.current.value?.rubric.criteria.length ?? 0;
    if (index >= 0 && index < count) this.criterionIndex.value = index;
  }

  /** Puts the reading in the outbox and opens the next case; returns false where something is missing. */
  async submit(): Promise<boolean> {
    const [reading, draft] = [this.current.value, this.draft.value];
    if (!reading || !draft || this.isSubmitting || !this.options.maySubmit(draft)) return false;
    const [firstMissing] = this.missing.value;
    if (firstMissing) {
      this.isMissingShown.value = true;
      this.criterionIndex.value = reading.rubric.criteria.indexOf(firstMissing);
      return false;
    }
    this.isSubmitting = true;
    try {
      this.submitted.set(draft.clientKey, reading);
      this.keep();
      await this.options.outbox.add(this.entryOf(reading, draft));
      if (this.options.staysForFeedback) this.review(reading);
      else await this.advance();
    } finally {
      this.isSubmitting = false;
    }
    return true;
  }

  private review(reading: Case): void {
    batch(() => {
      this.reviewed.value = reading;
      this.cases.value = this.cases.value.slice(1);
      this.draft.value = null;
      this.phase.value = 'feedback';
    });
    this.sync.restart();
  }

  /** From the feedback to the next case. */
  async proceed(): Promise<void> {
    if (!this.reviewed.value) return;
    this.reviewed.value = null;
    await this.open(this.cases.value);
    if (!this.current.value) await this.refill();
  }

  /** Called when the server has it: now, and not before, the draft goes and the count moves. */
  async acknowledged(entry: OutboxEntry, receipt: ReadingReceipt): Promise<void> {
    this.counts.value = { open: receipt.open_count, done: receipt.done_count };
    this.submitted.delete(entry.submission.client_key);
    this.finished.add(entry.assignment);
    await this.forgetDraft(entry);
    this.sync.noteEdit();
    // A worklist on its way was asked for before this; its answer can't know.
    if (this.refilling) await this.refilling;
    await this.refill();
  }

  /** Brings a refused case back with its scores; where it can't be had, they stay where they are. */
  async reopen(entry: OutboxEntry): Promise<void> {
    const { client_key: key } = entry.submission;
    try {
      const known = this.submitted.get(key) ?? (await this.askFor(entry.assignment));
      if (!known) {
        this.notice.value = t('This case cannot be opened here any more. What you said of it is kept until you put it away.');
        return;
      }
      await this.options.outbox.dismiss(key);
      this.submitted.delete(key);
      this.reviewed.value = null;
      await this.open([known, ...this.cases.value.filter(({ assignment }) => assignment !== known.assignment)]);
    } catch (error) {
      this.notice.value = error instanceof Error ? error.message : '';
    }
  }

  /**
   * Opens the last submission again, for a correction that supersedes it. Until that is submitted the first one
   * stands. One that still waits for the network is corrected in the same queue, behind it.
   */
  async undo(): Promise<void> {
    if (this.isSubmitting) return;
    this.notice.value = '';
    try {
      if (this.refilling) await this.refilling;
      const earlier = this.lastUnsent() ?? (await this.askForLast());
      await this.openCorrection(earlier);
    } catch (error) {
      this.notice.value = error instanceof Error ? error.message : '';
    }
  }

  /** Keeps the leases of the cases in hand from lapsing; one that was submitted before needs none. */
  async extendLeases(): Promise<void> {
    const { client, session } = this.options;
    const leased = this.cases.value.filter(({ assignment }) => !this.corrected.has(assignment));
    for (const { assignment } of leased) {
      await session.during(() => client.post(this.assignmentUrl(assignment, 'lease')));
    }
  }

  private lastUnsent(): Reopened | null {
    const entry = this.options.outbox.state.value.waiting.at(-1);
    const known = entry && this.submitted.get(entry.submission.client_key);
    return known ? { case: known, ...entry.submission } : null;
  }

  /** One of the reader's own cases; null where they have it no more. */
  private async askFor(wanted: string): Promise<Case | null> {
    const { client, session, worklistUrl } = this.options;
    const { cases } = await session.during(() => client.post<Worklist>(worklistUrl, { count: MOST }));
    return cases.find(({ assignment }) => assignment === wanted) ?? null;
  }

  private async askForLast(): Promise<Reopened> {
    const { client, session, undoUrl } = this.options;
    return await session.during(() => client.post<Reopened>(undoUrl));
  }

  private async openCorrection(earlier: Reopened): Promise<void> {
    const { drafts, now } = this.options;
    const { assignment } = earlier.case;
    if (this.draft.value?.assignment === assignment) return;
    this.reviewed.value = null;
    this.keep();
    const kept = await drafts.get(this.draftKey(assignment));
    if (kept?.corrects !== earlier.client_key) {
      await drafts.set(this.draftKey(assignment), correctionOf(earlier, assignment, now()));
    }
    this.corrected.add(assignment);
    await this.open([earlier.case, ...this.cases.value.filter((reading) => reading.assignment !== assignment)]);
  }

  /** The draft goes, unless a correction of it is being written. */
  private async forgetDraft(entry: OutboxEntry): Promise<void> {
    const key = this.draftKey(entry.assignment);
    const kept = await this.options.drafts.get(key);
    if (kept?.clientKey === entry.submission.client_key) await this.options.drafts.delete(key);
  }

  private async lease(): Promise<void> {
    const { client, session, worklistUrl } = this.options;
    try {
      const count = Math.min(MOST, HELD + this.unacknowledged().size);
      const [finishedBefore, handledBefore] = [this.finished.size, this.handled()];
      const worklist = await session.during(() => client.post<Worklist>(worklistUrl, { count }));
      if (this.finished.size === finishedBefore) {
        this.counts.value = { open: worklist.open_count, done: worklist.done_count };
      }
      const out = this.unacknowledged();
      const fresh = worklist.cases.filter(({ assignment }) => !out.has(assignment) && !this.finished.has(assignment));
      await this.open(keepOrder(this.cases.value, fresh));
      // What was submitted meanwhile made room for more than was asked for: its acknowledgement asks again.
      if (this.phase.value === 'loading' && this.handled() === handledBefore) this.phase.value = 'empty';
    } catch (error) {
      this.failedToLease(error);
    }
  }

  private failedToLease(error: unknown): void {
    if (this.current.value || this.reviewed.value) return;
    this.problem.value = error instanceof Error ? error.message : '';
    this.needsDisplayCheck.value = error instanceof ApiError && error.code.startsWith('display_check_');
    this.phase.value = isPassing(error) ? 'offline' : 'failed';
  }

  private unacknowledged(): Set<string> {
    const { waiting, refused } = this.options.outbox.state.value;
    return new Set([...waiting, ...refused].map((entry) => entry.assignment));
  }

  /** How many submissions were made here, with the server's word or without. */
  private handled(): number {
    return this.finished.size + this.unacknowledged().size;
  }

  private async advance(): Promise<void> {
    await this.open(this.cases.value.slice(1));
    if (!this.current.value) await this.refill();
  }

  /** Makes these the cases in hand; a new first one is opened with the draft that the device has of it. */
  private async open(cases: readonly Case[]): Promise<void> {
    const first = cases[0] ?? null;
    if (this.reviewed.value) {
      this.cases.value = cases;
      return;
    }
    if (first && first.assignment === this.draft.value?.assignment) {
      this.cases.value = cases;
      return;
    }
    const { drafts, activity, now } = this.options;
    const draft = first && restoreDraft(await drafts.get(this.draftKey(first.assignment)), first, now());
    activity.restart(draft?.activeMs ?? 0, this.phase.value === 'empty' || this.phase.value === 'offline');
    batch(() => {
      this.cases.value = cases;
      this.draft.value = draft;
      this.criterionIndex.value = first && draft ? firstOpen(first, draft) : 0;
      this.isMissingShown.value = false;
      this.phase.value = first ? 'reading' : 'loading';
    });
    this.keep();
    this.sync.restart();
    void this.pullBehind(first);
  }

  /** What other devices did may come after the picture. */
  private async pullBehind(first: Case | null): Promise<void> {
    if (first) await this.options.whenDrawn?.(first.assignment);
    await this.sync.pull();
  }

  private entryOf(reading: Case, draft: Draft): OutboxEntry {
    const { now, username, activity, displayState } = this.options;
    const submission = submissionOf(reading, draft, { now: now(), activeMs: activity.activeMs(), display: displayState() });
    const { assignment } = reading;
    const url = this.assignmentUrl(assignment, 'readings');
    return { username, assignment, title: reading.image.title, url, queuedAt: now(), refusal: null, submission };
  }

  private assignmentUrl(assignment: string, what: 'draft' | 'lease' | 'readings'): string {
    return `${this.options.assignmentsUrl}${assignment}/${what}/`;
  }

  private draftKey(assignment: string): string {
    return `${this.options.username}/${assignment}`;
  }
}
