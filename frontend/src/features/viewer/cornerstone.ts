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
  cache.setMaxCacheSize(cacheBytes());
  renderer = { engine: new RenderingEngine(ENGINE_ID), isCpu: isCpuRendering() };
  return renderer;
}

function isCpuRendering(): boolean {
  return getConfiguration().rendering?.useCPURendering ?? false;
}

function workerCount(): number {
  return Math.min(4, Math.max(1, navigator.hardwareConcurrency - 1));
}

/** An eighth of the machine's memory, within 256 MB and 2 GB: decoded frames of this case and the next. */
function cacheBytes(): number {
  const gigabytes = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return Math.min(2, Math.max(0.25, gigabytes / 8)) * 1024 ** 3;
}
