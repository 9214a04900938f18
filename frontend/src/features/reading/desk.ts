import { computed, effect, signal, untracked, type ReadonlySignal, type Signal } from '@preact/signals';
import { apiRoot, createClient } from '../../api/client';
import type { Case, DisplayState } from '../../api/types';
import { displayNotices, type DisplayNotice } from '../../lib/displayNotices';
import { hangingOf, openingSlice } from '../../lib/hanging';
import { t } from '../../lib/i18n';
import { painted } from '../../lib/painted';
import { schedule } from '../../lib/schedule';
import { loadBehind, memoryBudget } from '../viewer/loadBehind';
import { pictureState } from '../viewer/pictureState';
import type { StackViewer } from '../viewer/stackViewer';
import { EMPTY_STATE, isLost, type ViewerState } from '../viewer/viewerState';
import { ActivityWatch } from './activity';
import type { Draft } from './draft';
import { Bookmarks } from './bookmarks';
import { Planes } from '../planes/planes';
import { Comparison } from './comparison';
import { FeedbackStore } from './feedback';
import { hang } from './hanging';
import { focusCriterion } from './focus';
import { openKeptStore } from './keptStore';
import { Outbox, type OutboxEntry } from './outbox';
import type { Measure } from './measures';
import { PreferenceStore } from './preferences';
import type { ReadingConfig } from './readingConfig';
import { Room } from './room';
import { sendReading } from './sendReading';
import { SecondWindow } from './secondWindow';
import { Session } from './session';

const LEASE_MINUTES = 3;
/** As in planes/planes.css and views.css: what lies beside the image lies below it. */
const NARROW = '(max-width: 900px)';
/** For the next picture, before what was submitted is sent. */
const LONGEST_WAIT_MS = 300;
const LOOK_AGAIN_SECONDS = 30;

/** All that the reading page's parts share. */
export interface Desk {
  config: ReadingConfig;
  room: Room;
  outbox: Outbox;
  session: Session;
  /** Whether what waits, and what was answered of the open case, outlasts the tab. */
  isDurable: () => boolean;
  viewer: Signal<StackViewer | null>;
  bookmarks: Bookmarks;
  preferences: PreferenceStore;
  feedback: FeedbackStore;
  /** What lies beside the case. */
  comparison: Comparison;
  /** The planes that stand on its slices. */
  planes: Planes;
  /** The image in a window of its own. */
  second: SecondWindow;
  /** The element that moves there. */
  stage: Signal<HTMLElement | null>;
  /** The pane that keys and toolbar act on: that of the case, unless the reader chose the other. */
  active: ReadonlySignal<StackViewer | null>;
  /** The dialog that lies over the room. */
  sheet: Signal<Sheet>;
  /** What the next click or drag in the image does. */
  mode: Signal<Pointing>;
  /** The image alone, the rubric folded to a strip. */
  isFolded: Signal<boolean>;
  /** The overlays that come with images are on the screen. */
  hasGraphics: Signal<boolean>;
  /** What was measured in this case. */
  measures: Signal<readonly Measure[]>;
}

export type Sheet = 'help' | 'bookmarks' | 'settings' | null;
export type Pointing = 'nothing' | 'mark' | 'length' | 'region';

export function createDesk(config: ReadingConfig): Desk {
  const client = createClient({ csrfToken: config.csrf_token, username: config.username });
  const session = new Session(client, config.session_url, config.username);
  const kept = { readings: openKeptStore<OutboxEntry>('mediqa-outbox'), drafts: openKeptStore<Draft>('mediqa-drafts') };
  const isDurable = (): boolean => kept.readings.isDurable() && kept.drafts.isDurable();
  const viewer = signal<StackViewer | null>(null);
  const activity = new ActivityWatch();
  const assignmentsUrl = `${apiRoot(config.session_url)}assignments/`;
  const feedback = new FeedbackStore(client, session, (assignment) => `${assignmentsUrl}${assignment}/feedback/`);
  const comparison = new Comparison(client, session);
  const active = computed(() => (comparison.isActive.value ? comparison.viewer.value : viewer.value));
  const second = new SecondWindow(() => {
    for (const screen of [viewer, comparison.viewer]) screen.peek()?.moved();
    focusCriterion(room.criterionIndex.peek());
  });
  effect(() => {
    if (second.current.value) activity.watch(second.current.value);
  });
  const outbox = new Outbox({
    username: config.username,
    store: kept.readings,
    send: (entry) => sendReading(client, session, entry),
    onSaved: (entry, receipt) => {
      void room.acknowledged(entry, receipt);
      void feedback.arrived(entry.assignment);
    },
    now: () => new Date(),
    schedule,
    ...(config.arm === 'blind' && { whenDrawn: () => whenNextDrawn(viewer) }),
  });
  const room: Room = new Room({
    client,
    session,
    outbox,
    drafts: kept.drafts,
    username: config.username,
    worklistUrl: config.worklist_url,
    undoUrl: config.undo_url,
    assignmentsUrl,
    staysForFeedback: config.arm !== 'blind',
    now: () => Date.now(),
    displayState: () => displayState(desk),
    whenDrawn: (wanted) => whenDrawn(viewer, (assignment) => assignment === wanted),
    maySubmit: (draft) => maySubmit(desk, draft),
    activity: { activeMs: () => activity.activeMs(), restart: (...how) => activity.restart(...how) },
    schedule,
  });
  const bookmarks = new Bookmarks(client, session, config.bookmarks_url);
  const preferences = new PreferenceStore(client, session, config.preferences_url, config.preferences);
  const screen = { isFolded: signal(false), hasGraphics: signal(true), sheet: signal<Sheet>(null), mode: signal<Pointing>('nothing'), measures: signal([]) };
  const planes = new Planes(viewer, room.onScreen, memoryBudget());
  const desk: Desk = { config, room, outbox, session, isDurable, viewer, bookmarks, preferences, feedback, comparison, planes, active, second, stage: signal(null), ...screen };
  return desk;
}

function whenNextDrawn(viewer: Desk['viewer']): Promise<void> {
  const left = viewer.peek()?.state.peek().assignment;
  return whenDrawn(viewer, (assignment) => assignment !== left);
}

/** Resolves when such a case is on the screen, or soon: sending must not keep a picture waiting, nor a picture sending. */
function whenDrawn(viewer: Desk['viewer'], isMeant: (assignment: string | null) => boolean): Promise<void> {
  const isDrawn = computed(() => {
    const state = viewer.value?.state.value;
    return state?.status === 'rendered' && isMeant(state.assignment);
  });
  return new Promise((resolve) => {
    const end = (): void => {
      stop();
      stopWaiting();
      resolve();
    };
    const stopWaiting = schedule(end, LONGEST_WAIT_MS);
    const stop = isDrawn.subscribe((drawn) => {
      if (drawn) void painted().then(end);
    });
  });
}

/** Of an image that is lost for good it can be said that it cannot be judged; who said more is told so. */
function maySubmit({ viewer, room }: Desk, draft: Draft): boolean {
  const state = viewer.peek()?.state.peek() ?? EMPTY_STATE;
  if (state.status === 'rendered') return true;
  if (!isLost(state)) return false;
  const hasScores = Object.keys(draft.scores).length > 0;
  if (hasScores) room.notice.value = t('Of an image that was not shown it can only be said that it cannot be judged.');
  return !hasScores;
}

/** Starts what runs beside the screen: sending, leases, prefetching, and the viewer following the room. */
export function startDesk(desk: Desk): void {
  const { room, outbox, session } = desk;
  followRoom(desk);
  effect(() => desk.feedback.expect(room.reviewed.value?.assignment ?? null));
  // Another case, or the same one after its submission.
  effect(() => {
    const isReviewed = room.reviewed.value !== null;
    if (room.onScreen.value || isReviewed) desk.mode.value = 'nothing';
  });
  effect(() => {
    if (!session.needsSignIn.value) void outbox.flush();
  });
  effect(() => {
    const status = desk.viewer.value?.state.value.failureStatus;
    if (status === 401 || status === 403) void session.isSignedIn().catch(() => undefined);
  });
  effect(() => {
    const { mouse } = desk.preferences.current.value;
    for (const screen of [desk.viewer.value, desk.comparison.viewer.value]) untracked(() => screen?.setMouse(mouse));
  });
  effect(() => {
    if (desk.comparison.shown.value) untracked(() => desk.planes.close());
  });
  addEventListener('online', () => void resume(desk));
  addEventListener('pagehide', () => room.keep());
  document.addEventListener('visibilitychange', () => lookUp(room));
  addEventListener('pageshow', (event) => {
    if (event.persisted) lookUp(room);
  });
  setInterval(() => {
    if (!document.hidden) room.extendLeases().catch(() => undefined);
  }, LEASE_MINUTES * 60_000);
  setInterval(() => {
    if (!document.hidden && room.phase.value !== 'reading') void room.refill();
  }, LOOK_AGAIN_SECONDS * 1000);
  void room.start();
  void desk.bookmarks.load();
}

/** The tab was left or is looked at again: another may have gone on with the case meanwhile. */
function lookUp(room: Room): void {
  room.keep();
  if (document.hidden) void room.sync.send(true);
  else void room.sync.pull();
}

export async function resume(desk: Desk): Promise<void> {
  await desk.outbox.flush();
  await desk.room.sync.send();
  await desk.room.refill();
}

/** Shows the current case, and has the slices around it and the next case loaded. */
function followRoom(desk: Desk): void {
  const { room, viewer } = desk;
  let shown: Case | null = null;
  effect(() => {
    const [screen, current] = [viewer.value, room.onScreen.value];
    if (!screen || current === shown) return;
    shown = current;
    desk.measures.value = [];
    untracked(() => {
      desk.comparison.restart();
      desk.planes.restart();
    });
    if (current) hang(desk, screen, current);
    else screen.clear();
  });
  effect(() => {
    const screen = viewer.value;
    if (screen) untracked(() => loadRest(desk, screen));
  });
}

/** The slices around the open one and the next case; with a new session what failed is tried again. */
function loadRest({ room, session, preferences }: Desk, screen: StackViewer): void {
  const plan = loadBehind(screen, room.held, {
    openingSlice: (reading, count) => openingSlice(count, hangingOf(reading, preferences.current.peek().hangings)),
  });
  effect(() => {
    if (!session.needsSignIn.value) plan.retry();
  });
}

/** What the reader is told of the display now, and what is stored. */
export function noticesOf(state: ViewerState, config: ReadingConfig, { devicePixelRatio, screen }: Window = window): DisplayNotice[] {
  if (state.status === 'failed') return ['no_image'];
  return displayNotices({
    zoom: state.zoom,
    devicePixelRatio,
    windowWidth: state.window?.width ?? null,
    firstWindowWidth: state.presets[0]?.width ?? null,
    screen: [screen.width, screen.height],
    hasPassedCheck: config.display_check?.has_passed ?? null,
  });
}

function displayState({ viewer: { value: viewer }, config, comparison, planes, room, hasGraphics }: Desk): DisplayState {
  const home = viewer?.element.ownerDocument.defaultView ?? window;
  const [compared, crossed] = [comparison.record(hasGraphics.peek()), planes.record(home.matchMedia(NARROW).matches)];
  return {
    ...pictureState(viewer, room.onScreen.peek()?.image, hasGraphics.peek()),
    screen: [home.screen.width, home.screen.height],
    device_pixel_ratio: home.devicePixelRatio,
    notices: noticesOf(viewer?.state.peek() ?? EMPTY_STATE, config, home),
    ...(config.display_check && { display_check: config.display_check.id }),
    software_version: config.software_version,
    ...(home !== window && { is_second_window: true }),
    ...(compared.length > 0 && { compared }),
    ...(crossed && { planes: crossed }),
  };
}
