import { BaseTool, Enums, PanTool, ToolGroupManager, ZoomTool } from '@cornerstonejs/tools';
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

/** What is told of drags, in CSS pixels: downwards through the slices, and to the right and downwards over the window. */
export interface Dragged {
  slices: (pixels: number) => void;
  window: (pixels: readonly [number, number]) => void;
}

/** By viewport. */
const drags = new Map<string, Dragged>();

/** Drags through the slices by way of the viewer, which fetches them; the library's own tool goes past it. */
export class SliceDragTool extends BaseTool {
  static override toolName = 'SliceDrag';

  constructor() {
    super({}, { supportedInteractionTypes: ['Mouse', 'Touch'] });
  }

  mouseDragCallback({ detail }: DragEvent): void {
    drags.get(detail.viewportId)?.slices(detail.deltaPoints.canvas[1]);
  }

  touchDragCallback(event: DragEvent): void {
    this.mouseDragCallback(event);
  }
}

/** Windows by way of the viewer: the library's own tool takes all PET for SUV, and no window narrower than 1. */
export class WindowDragTool extends BaseTool {
  static override toolName = 'WindowDrag';

  constructor() {
    super({}, { supportedInteractionTypes: ['Mouse', 'Touch'] });
  }

  mouseDragCallback({ detail }: DragEvent): void {
    drags.get(detail.viewportId)?.window(detail.deltaPoints.canvas);
  }

  touchDragCallback(event: DragEvent): void {
    this.mouseDragCallback(event);
  }
}

const NAMES: Record<MouseTool, string> = {
  window: WindowDragTool.toolName,
  zoom: ZoomTool.toolName as string,
  pan: PanTool.toolName as string,
  scroll: SliceDragTool.toolName,
};
const TOOLS: readonly MouseTool[] = ['window', 'zoom', 'pan', 'scroll'];

export interface DragTools {
  /** The buttons as chosen; two fingers zoom, three move. */
  bind(mouse: MouseBindings): void;
  release(): void;
}

/** The mouse and the fingers of one viewport; each has its own tools. */
export function dragToolsOf(viewportId: string, dragged: Dragged): DragTools {
  const group = ToolGroupManager.createToolGroup(viewportId);
  if (!group) throw new Error('The mouse could not be bound to the image.');
  for (const name of Object.values(NAMES)) group.addTool(name);
  group.addViewport(viewportId, ENGINE_ID);
  drags.set(viewportId, dragged);
  return {
    bind(mouse) {
      for (const tool of TOOLS) {
        group.setToolPassive(NAMES[tool], { removeAllBindings: true });
        group.setToolActive(NAMES[tool], { bindings: bindingsOf(tool, mouse) });
      }
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
