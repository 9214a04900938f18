import { signal } from '@preact/signals';
import { isPassing, type ApiClient } from '../../api/client';
import type { Feedback } from '../../api/types';
import type { Session } from './session';

export type FeedbackStatus = 'waiting' | 'shown' | 'none' | 'failed';

/** What is told of the case that was just submitted; asked for only when the server has the Reading. */
export class FeedbackStore {
  readonly status = signal<FeedbackStatus>('waiting');
  readonly shown = signal<Feedback | null>(null);
  /** Whether what counted for the model is drawn over the image. */
  readonly isOverlaid = signal(true);
  private assignment: string | null = null;

  constructor(
    private readonly client: Pick<ApiClient, 'get'>,
    private readonly session: Pick<Session, 'during'>,
    private readonly urlOf: (assignment: string) => string,
  ) {}

  /** The case that is looked at; null for none. What was told of another is forgotten. */
  expect(assignment: string | null): void {
    if (assignment === this.assignment) return;
    this.assignment = assignment;
    this.shown.value = null;
    this.status.value = 'waiting';
  }

  /** The server has the Reading of this case. */
  async arrived(assignment: string): Promise<void> {
    if (assignment !== this.assignment) return;
    this.status.value = 'waiting';
    try {
      const feedback = await this.session.during(() => this.client.get<Feedback>(this.urlOf(assignment)));
      if (assignment === this.assignment) this.show(feedback);
    } catch (error) {
      if (assignment === this.assignment) this.status.value = isPassing(error) ? 'failed' : 'none';
    }
  }

  async retry(): Promise<void> {
    if (this.assignment !== null) await this.arrived(this.assignment);
  }

  private show(feedback: Feedback): void {
    this.shown.value = feedback;
    this.status.value = 'shown';
  }
}
