import { Enums, type Types } from '@cornerstonejs/core';
import { signal } from '@preact/signals';
import type { Case, Hanging, MouseTool, WindowPreset } from '../../api/types';
import { AS_IT_COMES, openingSlice, openingWindow } from '../../lib/hanging';
import { COLOURS_AS_THEY_ARE, asKept, inKeyOrder, presetsFor, windowOf } from '../../lib/windows';
import type { Taken } from '../../lib/following';
import type { SliceValues } from '../../lib/planes';
import { wheelTurn } from '../../lib/wheel';
import { Cine } from './cine';
import { startRenderer, type Renderer, type RendererOptions } from './cornerstone';
import { FrameError } from './frameFetch';
import { framesOf, type FrameLoad } from './frameLoader';
import { ScreenGeometry } from './geometry';
import { inspectionOf } from './inspection';
import { isColour } from './metadata';
import { drawCurvesOnProcessor } from './processorCurves';
import { valuesOf } from './sliceValues';
import { dragWindow, drawWindow, keepWindow } from './windowing';
import { dragToolsOf, type DragTools, type MouseBindings } from './tools';
import { EMPTY_STATE, UPRIGHT, describeState, orientationOf, type Orientation, type Presentation, type ViewerState } from './viewerState';

let viewersMade = 0;

/** A drag of this many pixels is one slice; a notch of the wheel zooms by this factor. */
const DRAG_PIXELS = 8;
const ZOOM_STEP = 1.15;
const CINE_SECONDS = 1 / 12;
const NO_WINDOW: WindowPreset = { name: '', center: 0, width: 1, function: 'LINEAR', points: [] };
interface Shown {
  reading: Case;
  hanging: Hanging;
  frames: FrameLoad;
  /** As it was set last, before a drag. */
  window: WindowPreset;
  isColour: boolean;
  /** False until the right first window is set: what is drawn before that does not count. */
  isFitted: boolean;
}

/** One stack of slices in one element, of which a page may have several: shows a case, scrolls, windows, and says what is on the screen. */
export class StackViewer {
  readonly state = signal<ViewerState>(EMPTY_STATE);
  readonly frames = signal<FrameLoad | null>(null);
  readonly isCpu: boolean;
  private readonly renderer: Renderer;
  private readonly viewportId = `image-${++viewersMade}`;
  private readonly dragTools: DragTools;
  private mouse: MouseBindings;
  private readonly resizing: ResizeObserver;
  private readonly geometry: ScreenGeometry;
  private shown: Shown | null = null;
  private wantedSlice = 0;
  private wheelRest = 0;
  private dragRest = 0;
  private readonly cine = new Cine(
    () => this.stepCine(),
    (isCine) => this.update({ isCine }),
  );
  /** As of the last picture drawn. */
  private isWhole = false;
  private isDisposed = false;

  constructor(
    readonly element: HTMLDivElement,
    options: RendererOptions,
    mouse: MouseBindings,
  ) {
    this.mouse = mouse;
    this.renderer = startRenderer(options);
    this.isCpu = this.renderer.isCpu;
    this.renderer.engine.enableElement({
      viewportId: this.viewportId,
      type: Enums.ViewportType.STACK,
      element,
      defaultOptions: { background: [0, 0, 0] },
    });
    this.geometry = new ScreenGeometry(() => this.viewport, element, this.isCpu);
    if (this.isCpu) drawCurvesOnProcessor(element, () => this.viewport, () => this.shown?.window ?? NO_WINDOW);
    this.dragTools = dragToolsOf(this.viewportId, { slices: (pixels) => this.dragSlices(pixels), window: (pixels) => this.windowBy(pixels) });
    element.addEventListener(Enums.Events.IMAGE_RENDERED, this.onDrawn);
    element.addEventListener('wheel', (event) => this.turnWheel(event), { passive: false });
    element.addEventListener('contextmenu', (event) => event.preventDefault());
    this.resizing = new ResizeObserver(() => {
      this.resize();
      // The library leaves a size out that comes while a picture is on its way.
      requestAnimationFrame(() => this.resize());
    });
    this.resizing.observe(element);
    Object.assign(element, { inspect: () => inspectionOf(this.viewport, (x, y) => this.canvasPointOf(x, y)) });
    element.dataset.rendering = this.isCpu ? 'cpu' : 'gpu';
    this.setMouse(mouse);
  }

  /** Shows a case from its first picture; `data-state` goes from loading to rendered or failed. */
  async show(reading: Case, hanging: Hanging = AS_IT_COMES): Promise<void> {
    this.cine.stop();
    const count = reading.image.frames.length;
    this.wantedSlice = openingSlice(count, hanging);
    const leftTool = this.state.value.leftTool;
    this.update({ ...EMPTY_STATE, status: 'loading', assignment: reading.assignment, modality: reading.image.modality, sliceCount: count, leftTool, isColour: isColour(reading) });
    try {
      const frames = framesOf(reading, this.isCpu);
      const shown: Shown = { reading, hanging, frames, window: NO_WINDOW, isColour: isColour(reading), isFitted: false };
      this.shown = shown;
      this.frames.value = frames;
      this.update({ presets: shown.isColour ? [] : presetsFor(reading.image.windows) });
      await frames.load(this.wantedSlice);
      if (this.shown !== shown) return;
      await this.viewport.setStack([...frames.imageIds], this.wantedSlice);
      shown.isFitted = true;
      this.fit();
    } catch (error) {
      this.fail(error, reading.assignment, this.wantedSlice);
    }
  }

  /** Tries again what could not be loaded. */
  async retry(): Promise<void> {
    const failed = this.state.value.failedSlice;
    if (!this.shown) return;
    if (this.state.value.status === 'failed' || failed === null) await this.show(this.shown.reading, this.shown.hanging);
    else await this.scrollTo(failed);
  }

  async retryIfFailed(): Promise<void> {
    if (this.state.value.failedSlice !== null) await this.retry();
  }

  clear(): void {
    this.cine.stop();
    this.shown = null;
    this.frames.value = null;
    this.update(EMPTY_STATE);
  }

  /** The element came into another document, whose size is another. */
  moved(): void {
    this.resizing.disconnect();
    this.resizing.observe(this.element);
  }

  /** Gives the element back; the viewer can't be used after that. */
  dispose(): void {
    this.clear();
    this.isDisposed = true;
    this.resizing.disconnect();
    this.dragTools.release();
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.onDrawn);
    this.renderer.engine.disableElement(this.viewportId);
  }

  scrollBy(steps: number): void {
    void this.scrollTo(this.wantedSlice + steps);
  }

  /** Goes to a slice, fetching it first if need be; where it can't be had, says so and stays. */
  async scrollTo(index: number): Promise<void> {
    const shown = this.shown;
    if (!shown || this.state.value.status !== 'rendered') return;
    const wanted = Math.min(shown.frames.imageIds.length - 1, Math.max(0, index));
    this.wantedSlice = wanted;
    try {
      await shown.frames.load(wanted);
      if (this.shown !== shown || this.wantedSlice !== wanted) return;
      this.update({ failedSlice: null, failureStatus: null });
      const { voiRange } = this.viewport.getProperties();
      await this.viewport.setImageIdIndex(wanted);
      keepWindow(this.viewport, shown.window, voiRange, this.isCpu);
    } catch (error) {
      if (this.wantedSlice === wanted) this.fail(error, shown.reading.assignment, wanted);
    }
  }

  /** As the case opens: the first window, the image whole and in the middle, unless it is hung otherwise. */
  fit(hanging = this.shown?.hanging): void {
    const shown = this.shown;
    if (!shown || !hanging) return;
    shown.hanging = hanging;
    const first = shown.isColour ? COLOURS_AS_THEY_ARE : openingWindow(shown.reading.image.windows, hanging);
    this.turn(UPRIGHT);
    this.viewport.resetCamera();
    this.turn(orientationOf(hanging));
    if (hanging.fit === 'pixels') this.viewport.setZoom(1 / (this.geometry.pixelSize() * devicePixelRatio));
    this.viewport.setProperties({ invert: shown.reading.image.is_inverted });
    if (first) this.setWindow(shown, first);
    this.viewport.render();
  }

  /** Shows the open case as it was shown elsewhere, in an element of the same size. */
  async present({ sliceIndex, window, isInverted, orientation, zoom, pan }: Presentation): Promise<void> {
    if (!this.shown) return;
    if (sliceIndex !== null) await this.scrollTo(sliceIndex);
    if (window) this.setWindow(this.shown, asKept(window, this.state.value.presets));
    if (isInverted !== null) this.viewport.setProperties({ invert: isInverted });
    this.turn(orientation);
    if (zoom !== null) this.viewport.setZoom((this.viewport.getZoom() * zoom) / this.geometry.pixelSize());
    if (pan !== null) this.shiftBy(pan);
    this.viewport.render();
  }

  /** Goes along with another viewer: see lib/following. */
  async take({ sliceIndex, window, zoom, pan }: Taken): Promise<void> {
    if (sliceIndex !== this.wantedSlice) await this.scrollTo(sliceIndex);
    if (!this.shown || this.state.value.status !== 'rendered') return;
    if (window) this.setWindow(this.shown, { ...this.shown.window, center: window.center, width: window.width });
    this.viewport.setZoom((this.viewport.getZoom() * zoom) / this.geometry.pixelSize());
    this.shiftBy(pan);
    this.viewport.render();
  }

  /** Millimetres from one slice to the next, where they are known. */
  sliceSpacing(): number | null {
    return this.shown?.reading.image.spacing_mm?.[0] ?? null;
  }

  private shiftBy(wanted: [number, number]): void {
    const [now, pan] = [this.geometry.centreShift(), this.viewport.getPan()];
    this.viewport.setPan([pan[0] + wanted[0] - now[0], pan[1] + wanted[1] - now[1]]);
  }

  /** By the place of its key. */
  applyPreset(place: number): void {
    const preset = inKeyOrder(this.state.value.presets)[place];
    if (!preset || !this.shown) return;
    this.setWindow(this.shown, preset);
    this.viewport.render();
  }

  /** As a drag of so many CSS pixels, to the right and downwards, over the slice. */
  windowBy(pixels: readonly [number, number]): void {
    if (this.shown && this.state.value.status === 'rendered') dragWindow(this.viewport, this.shown.window.function, pixels);
  }

  toggleInvert(): void {
    if (this.state.value.status !== 'rendered') return;
    this.viewport.setProperties({ invert: !this.viewport.getProperties().invert });
    this.viewport.render();
  }

  rotate(): void {
    this.reorient((now) => ({ ...now, rotation: (now.rotation + 90) % 360 }));
  }

  flipHorizontally(): void {
    this.reorient((now) => ({ ...now, isFlippedHorizontally: !now.isFlippedHorizontally }));
  }

  flipVertically(): void {
    this.reorient((now) => ({ ...now, isFlippedVertically: !now.isFlippedVertically }));
  }

  setLeftTool(tool: MouseTool): void {
    this.setMouse({ ...this.mouse, left: tool });
  }

  setMouse(mouse: MouseBindings): void {
    this.mouse = mouse;
    this.dragTools.bind(mouse);
    this.update({ leftTool: mouse.left });
  }

  /** One slice a notch, or zoom, as the reader chose. */
  turnWheel(event: WheelEvent): void {
    event.preventDefault();
    const turn = wheelTurn(this.wheelRest, event.deltaY, event.deltaMode);
    this.wheelRest = turn.rest;
    if (turn.steps === 0) return;
    if (this.mouse.wheel === 'zoom') this.zoomBy(ZOOM_STEP ** -turn.steps);
    else this.scrollBy(turn.steps);
  }

  /** Goes to a slice and brings the place on it into sight. */
  async showPlace(index: number, x: number, y: number): Promise<void> {
    await this.scrollTo(index);
    const at = this.canvasPointOf(x, y);
    const { clientWidth, clientHeight } = this.element;
    if (!at || (at[0] >= 0 && at[1] >= 0 && at[0] <= clientWidth && at[1] <= clientHeight)) return;
    const pan = this.viewport.getPan();
    this.viewport.setPan([pan[0] + clientWidth / 2 - at[0], pan[1] + clientHeight / 2 - at[1]]);
    this.viewport.render();
  }

  /** The shown slice's values, or null where there is none, or colour. */
  shownValues(): SliceValues | null {
    const image = this.viewport.getCornerstoneImage() as Types.IImage | undefined;
    return image && this.state.value.status === 'rendered' && !this.shown?.isColour ? valuesOf(image) : null;
  }

  toggleCine(): void {
    if (this.state.value.sliceCount > 1) this.cine.toggle(this.shown?.reading.image.frame_seconds ?? CINE_SECONDS);
  }

  /** Column and row under a point of the page, or null outside of the image. */
  imagePointAt(clientX: number, clientY: number): [number, number] | null {
    return this.geometry.imageAt(clientX, clientY);
  }

  /** Where in the element (CSS pixels) a place of the shown slice is drawn. */
  canvasPointOf(x: number, y: number): [number, number] | null {
    return this.state.value.status === 'rendered' ? this.geometry.canvasOf(x, y) : null;
  }

  private get viewport(): Types.IStackViewport {
    return this.renderer.engine.getViewport<Types.IStackViewport>(this.viewportId);
  }

  private setWindow(shown: Shown, preset: WindowPreset): void {
    shown.window = preset;
    drawWindow(this.viewport, preset, this.isCpu);
  }

  /** An image that was whole on the screen is whole in the new size too. */
  private resize(): void {
    if (this.isDisposed) return;
    const [isWhole, orientation] = [this.isWhole && this.shown !== null, this.state.value.orientation];
    this.renderer.engine.resize(true, true);
    if (!isWhole) return;
    this.viewport.resetCamera();
    this.turn(orientation);
    this.viewport.render();
  }

  private reorient(change: (now: Orientation) => Orientation): void {
    if (this.state.value.status !== 'rendered') return;
    this.turn(change(this.orientation()));
    this.viewport.render();
  }

  private turn({ rotation, isFlippedHorizontally, isFlippedVertically }: Orientation): void {
    this.viewport.setViewPresentation({ rotation: 0 });
    this.viewport.setCamera({ flipHorizontal: isFlippedHorizontally, flipVertical: isFlippedVertically });
    this.viewport.setViewPresentation({ rotation });
  }

  private orientation(): Orientation {
    const { rotation, flipHorizontal, flipVertical } = this.viewport.getViewPresentation();
    const turned = Math.round((rotation ?? 0) / 90) * 90;
    return { rotation: turned % 360, isFlippedHorizontally: flipHorizontal ?? false, isFlippedVertically: flipVertical ?? false };
  }

  private zoomBy(factor: number): void {
    if (this.state.value.status !== 'rendered') return;
    this.viewport.setZoom(this.viewport.getZoom() * factor);
    this.viewport.render();
  }

  private dragSlices(pixels: number): void {
    this.dragRest += pixels;
    const steps = Math.trunc(this.dragRest / DRAG_PIXELS);
    this.dragRest -= steps * DRAG_PIXELS;
    if (steps !== 0) this.scrollBy(steps);
  }

  private stepCine(): void {
    const { sliceCount, sliceIndex, status } = this.state.value; // a slow machine draws each later, and leaves none out
    if (status === 'rendered' && sliceIndex === this.wantedSlice) void this.scrollTo((sliceIndex + 1) % sliceCount);
  }

  private fail(error: unknown, assignment: string, slice: number): void {
    if (this.state.value.assignment !== assignment) return;
    this.cine.stop();
    const failureStatus = error instanceof FrameError ? error.status : null;
    const status = this.state.value.status === 'loading' ? 'failed' : this.state.value.status;
    this.update({ status, failedSlice: slice, failureStatus });
  }

  private readonly onDrawn = (): void => {
    const shown = this.shown;
    const index = this.viewport.getCurrentImageIdIndex();
    const image = this.viewport.getCornerstoneImage() as Types.IImage | undefined;
    if (!shown?.isFitted || image?.imageId !== shown.frames.imageIds[index]) return;
    const zoom = this.geometry.pixelSize();
    if (!Number.isFinite(zoom)) return this.fail(new Error('Nothing to see.'), shown.reading.assignment, index);
    const { voiRange, invert } = this.viewport.getProperties();
    this.isWhole = Math.abs(this.viewport.getZoom() - 1) < 1e-3 && Math.hypot(...this.viewport.getPan()) < 1;
    this.update({
      status: 'rendered',
      sliceIndex: index,
      window: voiRange ? { ...shown.window, ...windowOf(voiRange, shown.window.function) } : null,
      isInverted: invert ?? false,
      orientation: this.orientation(),
      zoom,
      pan: this.geometry.centreShift(),
      drawn: this.state.value.drawn + 1,
    });
  };

  private update(change: Partial<ViewerState>): void {
    this.state.value = { ...this.state.value, ...change };
    Object.assign(this.element.dataset, describeState(this.state.value));
  }
}
