import type { Case, Criterion, ReadingReceipt, Submission } from '../api/types';
import type { ApiClient } from '../api/client';
import type { KeptStore } from '../features/reading/keptStore';
import type { OutboxEntry } from '../features/reading/outbox';

type Verb = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A request that the fake server saw. */
export interface Seen {
  verb: Verb;
  url: string;
  body: unknown;
}

type Answer = (seen: Seen) => unknown;

/** A server that answers by the longest known end of the address; an Error among the answers is thrown. */
export class FakeServer implements ApiClient {
  readonly seen: Seen[] = [];
  csrfToken = '';
  private readonly answers = new Map<string, Answer>();

  on(end: string, answer: Answer): this {
    this.answers.set(end, answer);
    return this;
  }

  /** What it answers so far. */
  answerOf(end: string): Answer {
    return this.answers.get(end) ?? (() => undefined);
  }

  get<T>(url: string): Promise<T> {
    return this.answer<T>({ verb: 'GET', url, body: undefined });
  }

  post<T>(url: string, body?: unknown): Promise<T> {
    return this.answer<T>({ verb: 'POST', url, body });
  }

  put<T>(url: string, body?: unknown): Promise<T> {
    return this.answer<T>({ verb: 'PUT', url, body });
  }

  delete(url: string): Promise<void> {
    return this.answer({ verb: 'DELETE', url, body: undefined });
  }

  setCsrfToken(token: string): void {
    this.csrfToken = token;
  }

  count(end: string, verb: Verb = 'POST'): number {
    return this.seen.filter((seen) => seen.url.endsWith(end) && seen.verb === verb).length;
  }

  private async answer<T>(seen: Seen): Promise<T> {
    this.seen.push(seen);
    const end = [...this.answers.keys()].filter((key) => seen.url.endsWith(key)).sort((a, b) => b.length - a.length)[0];
    const answer = end === undefined ? undefined : await this.answers.get(end)?.(seen);
    if (answer instanceof Error) throw answer;
    if (answer === undefined) throw new Error(`The fake server has no answer for ${seen.url}.`);
    return answer as T;
  }
}

export function memoryStore<Value>(): KeptStore<Value> & { values: Map<string, Value> } {
  const values = new Map<string, Value>();
  const listeners: ((key: string, value: Value) => void)[] = [];
  return {
    values,
    get: (key) => Promise.resolve(values.get(key) ?? null),
    set: (key, value) => {
      values.set(key, structuredClone(value));
      for (const listener of listeners) listener(key, structuredClone(value));
      return Promise.resolve();
    },
    hear: (listener) => void listeners.push(listener),
    delete: (key) => Promise.resolve(void values.delete(key)),
    all: () => Promise.resolve([...values]),
    isJournalled: () => false,
    isDurable: () => true,
  };
}

export function aCriterion(change: Partial<Criterion> = {}): Criterion {
  return { key: 'noise', question: 'Noise', minimum: 1, maximum: 5, step: 1, anchors: [], ...change };
}

export function aCase(assignment: string, criteria: Criterion[] = [aCriterion()]): Case {
  return {
    assignment,
    image: {
      id: assignment,
      dimension: '2D',
      modality: 'CT',
      title: `Image ${assignment}`,
      frames: [{ url: `/frames/${assignment}`, sop_instance_uid: '1.2', frame_number: 1 }],
      frame_seconds: null,
      windows: [],
      is_inverted: false,
      spacing_mm: null,
    },
    instances: {},
    rubric: { id: 1, version: 1, finding_types: ['Noise', 'Motion'], criteria },
    lease_expires_at: '2030-01-01T00:00:00Z',
  };
}

export function aSubmission(clientKey: string): Submission {
  const display: Submission['display_state'] = {
    slice_index: 0,
    zoom: 1,
    pan: [0, 0],
    is_inverted: false,
    rotation: 0,
    is_flipped_horizontally: false,
    is_flipped_vertically: false,
    viewport: [800, 600],
    screen: [1920, 1080],
    device_pixel_ratio: 1,
    notices: [],
    software_version: '0',
  };
  return {
    client_key: clientKey,
    rubric_id: 1,
    scores: { noise: 3 },
    abstentions: {},
    findings: [],
    comment: '',
    confidence: '',
    display_state: display,
    active_seconds: 1,
    wall_seconds: 2,
    corrects: null,
  };
}

export function anEntry(clientKey: string, queuedAt = 0): OutboxEntry {
  return {
    username: 'reader1',
    assignment: `assignment-${clientKey}`,
    title: clientKey,
    url: `/api/v1/assignments/${clientKey}/readings/`,
    submission: aSubmission(clientKey),
    queuedAt,
    refusal: null,
  };
}

export const RECEIPT: ReadingReceipt = { id: 1, submitted_at: '2025-01-01T14:03:00Z', open_count: 4, done_count: 1 };
