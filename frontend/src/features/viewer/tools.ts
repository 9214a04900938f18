import { getEnabledElementByViewportId } from '@cornerstonejs/core';
import { BaseTool, Enums, PanTool, ToolGroupManager, WindowLevelTool, ZoomTool } from '@cornerstonejs/tools';
import type { MouseButton, MouseTool } from '../../api/types';

export const ENGINE_ID = 'reading';
export type MouseBindings = Record<MouseButton, MouseTool>;

const BUTTONS: Record<Exclude<MouseButton, 'wheel'>, Enums.MouseBindings> = {
  left: Enums.MouseBindings.Primary,
  middle: Enums.MouseBindings.Auxiliary,
  right: Enums.MouseBindings.Secondary,
};

interface DragEvent {
  detail: { viewportId: string; deltaPoints: { canvas: [number, number] } };
}

/** What a drag through the slices does, by viewport. */
const drags = new Map<string, (pixels: number) => void>();

/** Drags through the slices by way of the viewer, which fetches them; the library's own tool goes past it. */
export class SliceDragTool extends BaseTool {
  static override toolName = 'SliceDrag';

  constructor() {
    super({}, { supportedInteractionTypes: ['Mouse', 'Touch'] });
  }

  mouseDragCallback({ detail }: DragEvent): void {
    drags.get(detail.viewportId)?.(detail.deltaPoints.canvas[1]);
  }

  touchDragCallback(event: DragEvent): void {
    this.mouseDragCallback(event);
  }
}

const NAMES: Record<MouseTool, string> = {
  window: WindowLevelTool.toolName as string,
  zoom: ZoomTool.toolName as string,
  pan: PanTool.toolName as string,
  scroll: SliceDragTool.toolName,
};
const TOOLS: readonly MouseTool[] = ['window', 'zoom', 'pan', 'scroll'];

export interface DragTools {
  /** The buttons as chosen; two fingers zoom, three move. */
  bind(mouse: MouseBindings): void;
  /** As a drag of so many CSS pixels over the slice would; there has to be a picture. */
  windowBy(pixels: readonly [number, number]): void;
  release(): void;
}

/** The mouse and the fingers of one viewport; each has its own tools. `onSliceDrag` is told CSS pixels downwards. */
export function dragToolsOf(viewportId: string, onSliceDrag: (pixels: number) => void): DragTools {
  const group = ToolGroupManager.createToolGroup(viewportId);
  if (!group) throw new Error('The mouse could not be bound to the image.');
  for (const name of Object.values(NAMES)) group.addTool(name);
  group.addViewport(viewportId, ENGINE_ID);
  drags.set(viewportId, onSliceDrag);
  return {
    bind(mouse) {
      for (const tool of TOOLS) {
        group.setToolPassive(NAMES[tool], { removeAllBindings: true });
        group.setToolActive(NAMES[tool], { bindings: bindingsOf(tool, mouse) });
      }
    },
    windowBy(pixels) {
      const { element } = getEnabledElementByViewportId(viewportId).viewport;
      const tool = group.getToolInstance(NAMES.window) as WindowLevelTool;
      tool.mouseDragCallback({ detail: { element, deltaPoints: { canvas: pixels } } } as never);
    },
    release() {
      drags.delete(viewportId);
      ToolGroupManager.destroyToolGroup(viewportId);
    },
  };
}

interface Binding {
  mouseButton?: Enums.MouseBindings;
  numTouchPoints?: number;
}

function bindingsOf(tool: MouseTool, mouse: MouseBindings): Binding[] {
  const buttons = (['left', 'middle', 'right'] as const).filter((button) => mouse[button] === tool);
  const bindings: Binding[] = buttons.map((button) => ({ mouseButton: BUTTONS[button] }));
  if (mouse.left === tool) bindings.push({ numTouchPoints: 1 });
  if (tool === 'zoom') bindings.push({ numTouchPoints: 2 });
  if (tool === 'pan') bindings.push({ numTouchPoints: 3 });
  return bindings;
}
