import { signal } from '@preact/signals';
import type { ApiClient } from '../../api/client';
import type { FineTuneProgress, JobState } from '../../api/types';

const POLL_MS = 1000;
const OVER = new Set<JobState>(['succeeded', 'failed', 'cancelled']);

export interface RunProgressOptions {
  client: ApiClient;
  runUrl: string;
  wait: (milliseconds: number) => Promise<void>;
  onEnd: () => void;
}

/** Follows a run until it ends. An answer that fails is waited over: the run goes on without the page. */
export class RunProgress {
  readonly progress = signal<FineTuneProgress | null>(null);
  readonly isOutOfReach = signal(false);

  constructor(private readonly options: RunProgressOptions) {}

  async follow(): Promise<void> {
    for (;;) {
      await this.ask();
      if (this.progress.value && OVER.has(this.progress.value.job.state)) break;
      await this.options.wait(POLL_MS);
    }
    this.options.onEnd();
  }

  private async ask(): Promise<void> {
    try {
      this.progress.value = await this.options.client.get<FineTuneProgress>(this.options.runUrl);
      this.isOutOfReach.value = false;
    } catch {
      this.isOutOfReach.value = true;
    }
  }
}
