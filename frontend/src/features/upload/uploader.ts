import { signal } from '@preact/signals';
import { ApiError, isPassing, type ApiClient } from '../../api/client';
import type { IngestRefusal, IngestResult, Job } from '../../api/types';
import { backoffMilliseconds } from '../../lib/backoff';
import type { ChosenFile } from '../../lib/droppedFiles';
import { t } from '../../lib/i18n';
import { chunksOf } from '../../lib/uploadChunks';

export type UploadPhase = 'choosing' | 'sending' | 'taking in' | 'finished' | 'cancelled' | 'failed';

export interface UnsentFile {
  path: string;
  reason: string;
}

export interface UploadState {
  phase: UploadPhase;
  filesTotal: number;
  bytesTotal: number;
  filesSent: number;
  bytesSent: number;
  /** Files that could not be sent; the others went on. */
  unsent: readonly UnsentFile[];
  job: Job<IngestResult> | null;
  refusals: readonly IngestRefusal[];
  /** What went wrong, for people; empty where nothing did. */
  problem: string;
}

export interface UploaderOptions {
  client: ApiClient;
  ingestsUrl: string;
  /** Resolves after so many milliseconds. */
  wait: (milliseconds: number) => Promise<void>;
}

type Entry = ChosenFile & { size: number };

const ATTEMPTS = 4;
const POLL_MS = 1000;
const START: UploadState = {
  phase: 'choosing',
  filesTotal: 0,
  bytesTotal: 0,
  filesSent: 0,
  bytesSent: 0,
  unsent: [],
  job: null,
  refusals: [],
  problem: '',
};

/** Sends files to a new ingest, starts it, follows it, and fetches what came of it. */
export class Uploader {
  readonly state = signal<UploadState>(START);
  private cancelled = new AbortController();
  private unsentFiles: ChosenFile[] = [];
  private lastReason = '';

  constructor(private readonly options: UploaderOptions) {}

  async send(files: readonly ChosenFile[]): Promise<void> {
    if (files.length === 0) return;
    const entries = files.map((chosen) => ({ ...chosen, size: chosen.file.size }));
    this.cancelled = new AbortController();
    this.unsentFiles = [];
    const bytesTotal = entries.reduce((sum, entry) => sum + entry.size, 0);
    this.state.value = { ...START, phase: 'sending', filesTotal: entries.length, bytesTotal };
    try {
      const job = await this.persist(() => this.options.client.post<Job<IngestResult>>(this.options.ingestsUrl, {}));
      this.update({ job });
      await this.sendChunks(this.address(job, 'files'), entries);
      await this.takeIn(job);
    } catch (error) {
      this.update({ phase: 'failed', problem: sentence(error) });
    }
  }

  /** A new ingest of the files that could not be sent. */
  async retry(): Promise<void> {
    await this.send(this.unsentFiles);
  }

  async cancel(): Promise<void> {
    this.cancelled.abort();
    const { job } = this.state.value;
    if (!job) return;
    await this.options.client.post(`${this.jobUrl(job)}cancel/`).catch(() => undefined);
    this.update({ phase: 'cancelled' });
  }

  startAgain(): void {
    this.state.value = START;
  }

  private async sendChunks(url: string, entries: readonly Entry[]): Promise<void> {
    for (const chunk of chunksOf(entries)) {
      if (this.isCancelled()) return;
      if (await this.sendChunk(url, chunk)) continue;
      // One of them may be the cause: each on its own, so that the rest go through.
      for (const entry of chunk) {
        if (!this.isCancelled() && (chunk.length === 1 || !(await this.sendChunk(url, [entry])))) this.leaveOut(entry);
      }
    }
  }

  private async sendChunk(url: string, chunk: readonly Entry[]): Promise<boolean> {
    try {
      await this.persist(() => this.options.client.post(url, formOf(chunk)));
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) throw error;
      this.lastReason = sentence(error);
      return false;
    }
    const { filesSent, bytesSent } = this.state.value;
    const bytes = chunk.reduce((sum, entry) => sum + entry.size, 0);
    this.update({ filesSent: filesSent + chunk.length, bytesSent: bytesSent + bytes });
    return true;
  }

  private leaveOut(entry: Entry): void {
    this.unsentFiles.push(entry);
    this.update({ unsent: [...this.state.value.unsent, { path: entry.path, reason: this.lastReason }] });
  }

  private async takeIn(created: Job<IngestResult>): Promise<void> {
    if (this.isCancelled()) return;
    if (this.state.value.filesSent === 0) throw new Error(t('None of the files could be sent.'));
    this.update({ phase: 'taking in' });
    await this.persist(() => this.options.client.post(this.address(created, 'start')));
    for (;;) {
      const job = await this.persist(() => this.options.client.get<Job<IngestResult>>(this.jobUrl(created)));
      if (this.isCancelled()) return;
      this.update({ job });
      if (job.state === 'succeeded') return this.finish(created);
      if (job.state === 'cancelled') throw new Error(t('The taking in was cancelled.'));
      if (job.state === 'failed') throw new Error(job.message || t('The files could not be taken in.'));
      await this.options.wait(POLL_MS);
    }
  }

  private async finish(job: Job<IngestResult>): Promise<void> {
    const refusals: IngestRefusal[] = [];
    for (let url: string | null = this.address(job, 'refusals'); url; ) {
      const page: RefusalPage = await this.persist(() => this.options.client.get<RefusalPage>(url ?? ''));
      refusals.push(...(Array.isArray(page) ? page : page.results));
      url = Array.isArray(page) ? null : samePath(page.next);
    }
    this.update({ phase: 'finished', refusals });
  }

  /** Tries again where the cause may pass. */
  private async persist<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error) || attempt >= ATTEMPTS || this.isCancelled()) throw error;
        await this.options.wait(backoffMilliseconds(attempt));
      }
    }
  }

  private address(job: Job, what: 'files' | 'start' | 'refusals'): string {
    return `${this.root()}ingests/${job.id}/${what}/`;
  }

  private jobUrl(job: Job): string {
    return `${this.root()}jobs/${job.id}/`;
  }

  /** `…/api/v1/` of `…/api/v1/projects/SLUG/ingests/`. */
  private root(): string {
    return this.options.ingestsUrl.replace(/projects\/[^/]+\/ingests\/$/, '');
  }

  private isCancelled(): boolean {
    return this.cancelled.signal.aborted;
  }

  private update(change: Partial<UploadState>): void {
    this.state.value = { ...this.state.value, ...change };
  }
}

type RefusalPage = IngestRefusal[] | { results: IngestRefusal[]; next: string | null };

/** A page's address without its host, which behind a proxy may not be the one that the browser knows. */
function samePath(url: string | null): string | null {
  return url?.replace(/^https?:\/\/[^/]+/, '') ?? null;
}

function formOf(chunk: readonly Entry[]): FormData {
  const form = new FormData();
  for (const { file, path } of chunk) {
    form.append('files', file, file.name);
    form.append('paths', path);
  }
  return form;
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : t('The files could not be sent.');
}
