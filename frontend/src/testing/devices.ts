import { ApiError, NetworkError } from '../api/client';
import type { Case, DraftState, ServerDraft, Submission } from '../api/types';
import { withScore, type Draft } from '../features/reading/draft';
import { Outbox, type OutboxEntry } from '../features/reading/outbox';
import { Room } from '../features/reading/room';
import { sendReading } from '../features/reading/sendReading';
import { Session } from '../features/reading/session';
import { FakeServer, RECEIPT, aSubmission, memoryStore } from './fakes';

/** A server that keeps drafts and Readings by the rules of services/drafts.py and services/readings.py. */
export function aServer(cases: Case[]) {
  const server = new FakeServer();
  const drafts = new Map<string, ServerDraft>();
  const readings: { assignment: string; submission: Submission }[] = [];
  const of = (url: string): string => url.split('/').at(-3) ?? '';
  const newest = (assignment: string): string | null =>
    readings.filter((reading) => reading.assignment === assignment).at(-1)?.submission.client_key ?? null;
  const state = (assignment: string): DraftState => ({ draft: drafts.get(assignment) ?? null, submitted: newest(assignment) });
  server.on('worklist/', () => {
    const open = cases.filter(({ assignment }) => newest(assignment) === null);
    return { cases: open.slice(0, 2), open_count: open.length, done_count: readings.length };
  });
  server.on('draft/', ({ verb, url, body }) => {
    const assignment = of(url);
    if (verb === 'GET') return state(assignment);
    const sent = structuredClone(body as ServerDraft);
    if (newest(assignment) !== sent.content.corrects) return new ApiError(409, 'already_submitted', 'Before.');
    const known = drafts.get(assignment);
    const active_ms = { ...known?.times.active_ms };
    for (const [clock, ms] of Object.entries(sent.times.active_ms)) active_ms[clock] = Math.max(active_ms[clock] ?? 0, ms);
    const times = { active_ms, wall_ms: Math.max(known?.times.wall_ms ?? 0, sent.times.wall_ms) };
    drafts.set(assignment, { ...(known && sent.revision <= known.revision ? known : sent), times });
    return state(assignment);
  });
  server.on('readings/', ({ url, body }) => {
    const [assignment, submission] = [of(url), structuredClone(body as Submission)];
    const isKnown = readings.some((reading) => reading.submission.client_key === submission.client_key);
    if (!isKnown && newest(assignment) !== submission.corrects) return new ApiError(409, 'already_submitted', 'Before.');
    if (!isKnown) readings.push({ assignment, submission });
    drafts.delete(assignment);
    return { ...RECEIPT, done_count: readings.length };
  });
  server.on('session/', () => ({ is_authenticated: true, username: 'reader1', csrf_token: 'x' }));
  return { server, drafts, readings };
}

export function aDisk() {
  return { drafts: memoryStore<Draft>(), readings: memoryStore<OutboxEntry>() };
}

/** A browser of the same reader; `disk` shared makes it a tab of the same device. Its activity is told to it. */
export function aDevice(world: ReturnType<typeof aServer>, disk = aDisk(), clock = 0, drawn = Promise.resolve()) {
  const passed = { activeMs: 1000, wallMs: 0 };
  const network = { isThere: true };
  const client = new FakeServer();
  client.on('/', async ({ verb, url, body }) => {
    if (!network.isThere) throw new NetworkError('gone');
    return verb === 'GET' ? world.server.get(url) : verb === 'PUT' ? world.server.put(url, body) : world.server.post(url, body);
  });
  const timers: (() => void)[] = [];
  const schedule = (callback: () => void): (() => void) => {
    timers.push(callback);
    return () => void timers.splice(timers.indexOf(callback) >>> 0, 1);
  };
  const session = new Session(client, '/session/', 'reader1');
  const outbox = new Outbox({
    username: 'reader1',
    store: disk.readings,
    send: (entry) => sendReading(client, session, entry),
    onSaved: (entry, receipt) => void room.acknowledged(entry, receipt),
    now: () => new Date(clock),
    schedule,
  });
  const room: Room = new Room({
    client,
    session,
    outbox,
    drafts: disk.drafts,
    username: 'reader1',
    worklistUrl: '/worklist/',
    undoUrl: '/undo/',
    assignmentsUrl: '/assignments/',
    now: () => clock + passed.wallMs,
    displayState: () => aSubmission('x').display_state,
    maySubmit: () => true,
    whenDrawn: () => drawn,
    activity: { activeMs: () => passed.activeMs, restart: () => undefined },
    schedule,
  });
  const score = (key: string, value: number): void => room.change((draft) => withScore(draft, key, value));
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 6; round += 1) {
      for (const callback of timers.splice(0)) callback();
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  return { room, outbox, network, disk, score, settle, passed };
}
