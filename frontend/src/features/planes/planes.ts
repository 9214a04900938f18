import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { Case, DisplayState } from '../../api/types';
import { t } from '../../lib/i18n';
import { CUTS, planeOf, type Crossing, type Cut, type Plane } from '../../lib/planes';
import { WHOLE, isWhole, viewFrom, type PlaneView } from '../../lib/planeView';
import { spaceOf, type Disorder } from '../../lib/stackSpace';
import { decodedBytes, isColour, matrixOf } from '../viewer/metadata';
import type { StackViewer } from '../viewer/stackViewer';

const FEWEST_SLICES = 3;
const MEGABYTE = 1024 ** 2;

/** What is cut, and into what. */
interface Block {
  columns: number;
  rows: number;
  planes: readonly Plane[];
}

const NO_BLOCK: Block = { columns: 1, rows: 1, planes: [] };

/** The two planes that stand on the open stack's slices, and where all three cross. The slice is the viewer's own. */
export class Planes {
  readonly isWanted = signal(false);
  private readonly wasWanted = signal(false);
  private readonly column = signal<number | null>(null);
  private readonly row = signal<number | null>(null);
  /** How each is enlarged and moved. */
  readonly views: Readonly<Record<Cut, Signal<PlaneView>>> = { row: signal(WHOLE), column: signal(WHOLE) };

  constructor(
    private readonly viewer: ReadonlySignal<StackViewer | null>,
    private readonly reading: ReadonlySignal<Case | null>,
    private readonly budgetBytes: number,
  ) {}

  readonly isAvailable = computed(() => (this.reading.value?.image.frames.length ?? 0) >= FEWEST_SLICES);
  private readonly found = computed((): Block | string => {
    const reading = this.reading.value;
    return reading && this.isAvailable.value ? blockOf(reading) : NO_BLOCK;
  });
  private readonly block = computed((): Block => (typeof this.found.value === 'string' ? NO_BLOCK : this.found.value));
  /** Empty unless they are open. */
  readonly shown = computed((): readonly Plane[] => (this.isWanted.value ? this.block.value.planes : []));
  readonly isShown = computed(() => this.shown.value.length > 0);
  readonly crossing = computed((): Crossing => {
    const { columns, rows } = this.block.value;
    const slice = this.viewer.value?.state.value.sliceIndex ?? 0;
    return { column: this.column.value ?? Math.floor(columns / 2), row: this.row.value ?? Math.floor(rows / 2), slice };
  });

  /** Opens or closes them; returns why they can't be opened, else null. */
  toggle(): string | null {
    if (this.isWanted.value) this.close();
    else return this.open();
    return null;
  }

  open(): string | null {
    if (typeof this.found.value === 'string') return this.found.value;
    const needed = this.neededBytes();
    if (needed > this.budgetBytes) return memoryText(needed, this.budgetBytes);
    this.isWanted.value = this.wasWanted.value = true;
    return null;
  }

  close(): void {
    this.isWanted.value = false;
  }

  /** Another case is on the table. */
  restart(): void {
    this.isWanted.value = this.wasWanted.value = false;
    this.column.value = this.row.value = null;
    this.showWhole();
  }

  look(cut: Cut, change: (view: PlaneView) => PlaneView): void {
    this.views[cut].value = change(this.views[cut].peek());
  }

  /** As they open. */
  showWhole(): void {
    for (const cut of CUTS) this.views[cut].value = WHOLE;
  }

  /** Lets all three cross elsewhere; numbers beyond the image are those of its edge. */
  cross({ column, row, slice }: Partial<Crossing>): void {
    const block = this.block.value;
    if (column !== undefined) this.column.value = within(column, block.columns);
    if (row !== undefined) this.row.value = within(row, block.rows);
    if (slice !== undefined) void this.viewer.value?.scrollTo(slice);
  }

  step(cut: Cut, steps: number): void {
    this.cross({ [cut]: this.crossing.value[cut] + steps });
  }

  /** All slices, decoded: what one took, where one is there, else what the header says. */
  private neededBytes(): number {
    const [reading, frames] = [this.reading.value, this.viewer.value?.frames.value];
    return reading ? reading.image.frames.length * Math.max(frames?.frameBytes ?? 0, decodedBytes(reading)) : 0;
  }

  /** How many places a plane can go through. */
  countOf(cut: Cut): number {
    return this.block.value[cut === 'row' ? 'rows' : 'columns'];
  }

  /** For the Reading: where they crossed, and how they stood where they were open at submission; nothing where they never were. */
  record(isBelow = false): NonNullable<DisplayState['planes']> | null {
    if (!this.wasWanted.peek()) return null;
    const { column, row } = this.crossing.peek();
    const isShown = this.isShown.peek();
    const changed = CUTS.map((cut) => [cut, this.views[cut].peek()] as const).filter(([, view]) => !isWhole(view));
    return {
      column,
      row,
      is_shown: isShown,
      ...(isShown && isBelow && { is_below: true as const }),
      ...(isShown && changed.length > 0 && { views: Object.fromEntries(changed) }),
    };
  }

  /** As they stood. */
  present({ column, row, views }: NonNullable<DisplayState['planes']>): void {
    this.cross({ column, row });
    for (const cut of CUTS) this.views[cut].value = viewFrom(views?.[cut]);
  }
}

function within(number: number, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.round(number)));
}

/** A sentence where nothing can be cut. */
function blockOf(reading: Case): Block | string {
  const { frames } = reading.image;
  if (isColour(reading)) return t('Only grey images can be cut into planes.');
  const space = spaceOf(frames, reading.instances);
  if (typeof space === 'string') return disorderText(space);
  const { columns, rows } = matrixOf(reading);
  return { columns, rows, planes: CUTS.map((cut) => planeOf(space, cut, columns, rows)) };
}

function disorderText(disorder: Disorder): string {
  if (disorder === 'tilted') return t('These slices are tilted against the line that they are stacked along: planes cut from them would be slanted, and are not shown.');
  if (disorder === 'unordered') return t('Several of these slices lie at one place: no planes can be cut from them.');
  return t('The header does not say where these slices lie in the patient: no planes can be cut from them.');
}

function memoryText(needed: number, held: number): string {
  const [wanted, there] = [needed, held].map((bytes) => Math.ceil(bytes / MEGABYTE));
  return t('All slices together take {wanted} MB, and this browser has {there} MB for them: no planes can be cut here.', {
    wanted: wanted ?? 0,
    there: there ?? 0,
  });
}
