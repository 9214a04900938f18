import { computed, signal } from '@preact/signals';
import type { ApiClient } from '../../api/client';
import type { PatternField, Place } from './pattern';

export interface PatternAnswer {
  field: number;
  shown: Place;
  /** Empty where nothing was seen. */
  seen: Place | '';
}

/** What the server made of it. */
export interface Verdict {
  id: string;
  has_passed: boolean;
  answers: (PatternField & { shown: Place; seen: Place | '' })[];
}

export interface SittingOptions {
  client: Pick<ApiClient, 'post'>;
  checksUrl: string;
  fields: readonly PatternField[];
  places: readonly Place[];
  /** From 0 up to below 1. */
  random: () => number;
  /** Milliseconds. */
  now: () => number;
  screen: () => { columns: number; rows: number; device_pixel_ratio: number };
}

/** The most that the server takes: who left in the middle of it is not refused. */
const MOST_SECONDS = 3600;

/** One run through the test: a field at a time, one step back at will, sent when the last one is answered. */
export class Sitting {
  readonly answers = signal<readonly PatternAnswer[]>([]);
  readonly verdict = signal<Verdict | null>(null);
  readonly problem = signal('');
  readonly isSending = signal(false);
  readonly place = signal<Place>('up');
  readonly field = computed<PatternField | null>(() => this.options.fields[this.answers.value.length] ?? null);
  private beganAt: number;

  constructor(private readonly options: SittingOptions) {
    this.beganAt = options.now();
    this.turn();
  }

  async answer(seen: Place | ''): Promise<void> {
    if (!this.field.value) return;
    this.answers.value = [...this.answers.value, { field: this.answers.value.length, shown: this.place.value, seen }];
    if (this.answers.value.length < this.options.fields.length) this.turn();
    else await this.send();
  }

  /** Takes the last answer back; its field is shown anew, somewhere else. */
  back(): void {
    if (!this.field.value) return;
    this.answers.value = this.answers.value.slice(0, -1);
    this.turn();
  }

  again(): void {
    this.answers.value = [];
    this.verdict.value = null;
    this.problem.value = '';
    this.beganAt = this.options.now();
    this.turn();
  }

  async send(): Promise<void> {
    if (this.isSending.value) return;
    const { client, checksUrl, screen, now } = this.options;
    this.isSending.value = true;
    this.problem.value = '';
    try {
      const seconds = Math.min(MOST_SECONDS, Math.max(0, (now() - this.beganAt) / 1000));
      this.verdict.value = await client.post<Verdict>(checksUrl, { answers: this.answers.value, seconds, ...screen() });
    } catch (error) {
      this.problem.value = error instanceof Error ? error.message : String(error);
    } finally {
      this.isSending.value = false;
    }
  }

  private turn(): void {
    const { places, random } = this.options;
    this.place.value = places[Math.floor(random() * places.length)] ?? 'up';
  }
}
