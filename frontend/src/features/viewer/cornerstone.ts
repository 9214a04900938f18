import { RenderingEngine, cache, getConfiguration, init as initCore } from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import { PanTool, WindowLevelTool, ZoomTool, addTool, init as initTools } from '@cornerstonejs/tools';
import { registerFrameFetch } from './frameFetch';
import { ENGINE_ID, SliceDragTool } from './tools';

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
  initCore({ rendering: { useCPURendering: options.forceCpu }, debug: { statsOverlay: false } });
  initTools();
  initLoader({ maxWebWorkers: workerCount() });
  registerFrameFetch();
  for (const tool of [WindowLevelTool, ZoomTool, PanTool, SliceDragTool]) addTool(tool);
  // What is kept is decided by the loading plan: the library, for want of room, would begin with the oldest.
  cache.setMaxCacheSize(Number.MAX_SAFE_INTEGER);
  renderer = { engine: new RenderingEngine(ENGINE_ID), isCpu: isCpuRendering() };
  return renderer;
}

function isCpuRendering(): boolean {
  return getConfiguration().rendering?.useCPURendering ?? false;
}

function workerCount(): number {
  return Math.min(4, Math.max(1, navigator.hardwareConcurrency - 1));
}
