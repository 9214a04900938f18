import { computed, signal } from '@preact/signals';
import type { ApiClient } from '../../api/client';
import type { AnchorImage, Case, ComparedImage, Criterion, Picture, Prior } from '../../api/types';
import { anchorCaption, asCase, priorCaption } from '../comparison/picture';
import { releaseCase } from '../viewer/frameLoader';
import { pictureState } from '../viewer/pictureState';
import type { StackViewer } from '../viewer/stackViewer';
import type { Session } from './session';

/** What may lie beside the case: an anchor image, or an earlier image of the patient. */
export interface Comparable {
  kind: 'anchor' | 'prior';
  image: string | number;
  url: string;
  /** Of an anchor: whose level it shows. */
  criterion?: string;
  value?: number;
  /** For people. */
  caption: string;
}

/** The second pane: what it shows, whether it moves along with the first, and which of the two the keys act on. */
export class Comparison {
  readonly shown = signal<Comparable | null>(null);
  /** As the viewer takes it, once it is there. */
  readonly picture = signal<Case | null>(null);
  readonly problem = signal('');
  readonly viewer = signal<StackViewer | null>(null);
  readonly isLinked = signal(true);
  readonly isChosen = signal(false);
  /** Keys and toolbar act on this pane rather than on the case. */
  readonly isActive = computed(() => this.isChosen.value && this.shown.value !== null && this.viewer.value !== null);
  private seen: Comparable[] = [];

  constructor(
    private readonly client: ApiClient,
    private readonly session: Session,
  ) {}

  /** Opens it beside the case; again, and it goes. */
  async toggle(wanted: Comparable): Promise<void> {
    if (this.shown.value?.url === wanted.url) this.close();
    else await this.open(wanted);
  }

  async open(wanted: Comparable): Promise<void> {
    this.close();
    this.shown.value = wanted;
    try {
      const picture = await this.session.during(() => this.client.get<Picture>(wanted.url));
      if (this.shown.value !== wanted) return;
      this.picture.value = asCase(picture);
      this.seen = [...this.seen.filter(({ url }) => url !== wanted.url), wanted];
    } catch (error) {
      if (this.shown.value === wanted) this.problem.value = error instanceof Error ? error.message : '';
    }
  }

  close(): void {
    const { value: earlier } = this.picture;
    this.shown.value = null;
    this.picture.value = null;
    this.problem.value = '';
    this.isChosen.value = false;
    if (earlier) releaseCase(earlier);
  }

  /** Another case is on the table. */
  restart(): void {
    this.close();
    this.seen = [];
  }

  /** What this case was compared with, for its Reading; last what is on the screen, if anything, and how it stands. */
  record(hasGraphics: boolean): ComparedImage[] {
    const url = this.shown.peek()?.url;
    return this.seen.map((one) => ({
      kind: one.kind,
      image: one.image,
      ...(one.criterion !== undefined && { criterion: one.criterion, value: one.value }),
      ...(one.url === url ? { is_shown: true, ...this.standing(hasGraphics) } : { is_shown: false }),
    }));
  }

  /** Nothing before it was drawn. */
  private standing(hasGraphics: boolean): Pick<ComparedImage, 'display'> {
    const [viewer, picture] = [this.viewer.peek(), this.picture.peek()];
    const state = viewer?.state.peek();
    if (!picture || state?.status !== 'rendered' || state.assignment !== picture.assignment) return {};
    return { display: { ...pictureState(viewer, picture.image, hasGraphics), is_linked: this.isLinked.peek() } };
  }
}

export function anchorComparable(criterion: Criterion, { value, image, url }: AnchorImage): Comparable {
  return { kind: 'anchor', image, url, criterion: criterion.key, value, caption: anchorCaption(criterion.question, value) };
}

export function priorComparable({ image, url, date }: Prior): Comparable {
  return { kind: 'prior', image, url, caption: priorCaption(date) };
}

/** The anchor image to show next of a criterion: that of the chosen level, then the others, then none. */
export function nextAnchor(criterion: Criterion, score: number | null, shown: Comparable | null): Comparable | null {
  const anchors = criterion.anchor_images ?? [];
  const chosen = anchors.findIndex(({ value }) => value === score);
  const ordered = chosen > 0 ? [...anchors.slice(chosen), ...anchors.slice(0, chosen)] : anchors;
  const at = ordered.findIndex(({ url }) => url === shown?.url);
  const next = ordered[at + 1];
  return next ? anchorComparable(criterion, next) : null;
}
