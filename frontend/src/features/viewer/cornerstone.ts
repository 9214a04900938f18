import { RenderingEngine, cache, getConfiguration, init as initCore } from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import { PanTool, ZoomTool, addTool, init as initTools } from '@cornerstonejs/tools';
import { registerFrameFetch } from './frameFetch';
import { ENGINE_ID, SliceDragTool, WindowDragTool } from './tools';

/** The case, and what it is compared with: each has a WebGL context of its own, which takes time and memory to make. */
const PANES = 2;

export interface Renderer {
  engine: RenderingEngine;
  isCpu: boolean;
}

export interface RendererOptions {
  /** Draw without the graphics card even where there is one. */
  forceCpu: boolean;
}

let renderer: Renderer | null = null;

/** Starts Cornerstone3D once a page: graphics card where WebGL works, else the processor. */
export function startRenderer(options: RendererOptions): Renderer {
  if (renderer) return renderer;
  initCore({ rendering: { useCPURendering: options.forceCpu, webGlContextCount: PANES }, debug: { statsOverlay: false } });
  initTools();
  initLoader({ maxWebWorkers: workerCount() });
  registerFrameFetch();
  for (const tool of [WindowDragTool, ZoomTool, PanTool, SliceDragTool]) addTool(tool);
  // What is kept is decided by the loading plan: the library, for want of room, would begin with the oldest.
  cache.setMaxCacheSize(Number.MAX_SAFE_INTEGER);
  renderer = { engine: withoutAntialiasing(() => new RenderingEngine(ENGINE_ID)), isCpu: isCpuRendering() };
  return renderer;
}

/**
 * The library leaves it to the browser to take several samples of each pixel, which show nothing on a picture whose texture
 * is smoothed, and without a graphics card take a third of the time that it is drawn in. It asks for its contexts when it is made.
 */
function withoutAntialiasing<Made>(make: () => Made): Made {
  const { prototype } = HTMLCanvasElement;
  const original = Object.getOwnPropertyDescriptor(prototype, 'getContext') as { value: (kind: string, options?: object) => RenderingContext | null };
  const value = function (this: HTMLCanvasElement, kind: string, options?: object): RenderingContext | null {
    return original.value.call(this, kind, { ...options, antialias: false });
  };
  Object.defineProperty(prototype, 'getContext', { ...original, value });
  try {
    return make();
  } finally {
    Object.defineProperty(prototype, 'getContext', original);
  }
}

function isCpuRendering(): boolean {
  return getConfiguration().rendering?.useCPURendering ?? false;
}

function workerCount(): number {
  return Math.min(4, Math.max(1, navigator.hardwareConcurrency - 1));
}
