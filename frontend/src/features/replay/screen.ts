import { effect, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { Case, DisplayState, Picture, PictureState } from '../../api/types';
import { anchorCaption, asCase, priorCaption } from '../comparison/picture';
import { Planes } from '../planes/planes';
import { loadBehind, memoryBudget } from '../viewer/loadBehind';
import type { StackViewer } from '../viewer/stackViewer';
import { presentationOf } from './presentation';

/** What the page hands over under the id `replay-config`. */
export interface ReplayConfig {
  case: Case;
  display_state: Partial<DisplayState>;
  /** What lay beside the case at submission, where whoever looks may see it. */
  beside?: Beside | null;
}

export type Beside = Picture & {
  /** Null in older Readings. */
  display: Partial<PictureState & { is_linked: boolean }> | null;
} & ({ kind: 'anchor'; question: string; value: number } | { kind: 'prior'; date: string });

/** All that the replay's parts share. */
export interface ReplayScreen {
  config: ReplayConfig;
  viewer: Signal<StackViewer | null>;
  planes: Planes;
  /** The image beside the case, as the viewer takes it. */
  picture: Case | null;
  besideViewer: Signal<StackViewer | null>;
  /** Both stand as they stood: from here on they may move along with one another. */
  areBothThere: Signal<boolean>;
  /** The image beside is the one that was touched last. */
  isBesideActive: Signal<boolean>;
  /** What can't be shown here, and why. */
  notice: Signal<string>;
}

export function createScreen(config: ReplayConfig): ReplayScreen {
  const viewer = signal<StackViewer | null>(null);
  return {
    config,
    viewer,
    planes: new Planes(viewer, signal(config.case), memoryBudget()),
    picture: config.beside ? asCase(config.beside) : null,
    besideViewer: signal<StackViewer | null>(null),
    areBothThere: signal(false),
    isBesideActive: signal(false),
    notice: signal(''),
  };
}

export function captionOf(beside: Beside): string {
  return beside.kind === 'anchor' ? anchorCaption(beside.question, beside.value) : priorCaption(beside.date);
}

/** Lets all pictures stand as they stood, once their viewers are there. */
export async function startReplay(screen: ReplayScreen): Promise<void> {
  const { config, picture } = screen;
  const main = replay(screen.viewer, config.case, config.display_state).then((viewer) => openPlanes(screen, viewer));
  const beside = picture && replay(screen.besideViewer, picture, config.beside?.display ?? {});
  await Promise.all([main, beside]);
  screen.areBothThere.value = beside !== null;
}

async function replay(held: ReadonlySignal<StackViewer | null>, reading: Case, state: Partial<PictureState>): Promise<StackViewer> {
  const viewer = await firstOf(() => held.value);
  await viewer.show(reading);
  // Never where there is no picture, which is said in its place.
  await firstOf(() => viewer.state.value.status === 'rendered' || null);
  await viewer.present(presentationOf(state));
  // What is on the screen is told with the next picture.
  const { drawn } = viewer.state.peek();
  await firstOf(() => viewer.state.value.drawn > drawn || null);
  viewer.element.dataset.replayed = 'true';
  return viewer;
}

/** Where they were open at submission; all slices are fetched for them. */
function openPlanes({ config, planes, notice }: ReplayScreen, viewer: StackViewer): void {
  const stored = config.display_state.planes;
  if (!stored?.is_shown) return;
  const refusal = planes.open();
  if (refusal === null) {
    planes.present(stored);
    loadBehind(viewer, signal([config.case]));
  } else {
    notice.value = refusal;
  }
}

/** Resolves with the first value that is not null. */
function firstOf<Value>(read: () => Value | null): Promise<Value> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      const value = read();
      if (value === null) return;
      queueMicrotask(() => stop());
      resolve(value);
    });
  });
}
