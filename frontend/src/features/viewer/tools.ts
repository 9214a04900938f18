import { BaseTool, Enums, PanTool, ToolGroupManager, WindowLevelTool, ZoomTool } from '@cornerstonejs/tools';
import type { MouseButton, MouseTool } from '../../api/types';
import { ENGINE_ID } from './cornerstone';

export type MouseBindings = Record<MouseButton, MouseTool>;

const GROUP_ID = 'reading';
const BUTTONS: Record<Exclude<MouseButton, 'wheel'>, Enums.MouseBindings> = {
  left: Enums.MouseBindings.Primary,
  middle: Enums.MouseBindings.Auxiliary,
  right: Enums.MouseBindings.Secondary,
};

interface DragEvent {
  detail: { deltaPoints: { canvas: [number, number] } };
}

/** Drags through the slices by way of the viewer, which fetches them; the library's own tool goes past it. */
export class SliceDragTool extends BaseTool {
  static override toolName = 'SliceDrag';
  static onDrag: (pixels: number) => void = () => undefined;

  constructor() {
    super({}, { supportedInteractionTypes: ['Mouse', 'Touch'] });
  }

  mouseDragCallback(event: DragEvent): void {
    SliceDragTool.onDrag(event.detail.deltaPoints.canvas[1]);
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

/** Binds the mouse and the fingers of one viewport: the buttons as chosen, two fingers zoom, three move. */
export function bindDragTools(viewportId: string): (mouse: MouseBindings) => void {
  const group = ToolGroupManager.getToolGroup(GROUP_ID) ?? ToolGroupManager.createToolGroup(GROUP_ID);
  if (!group) throw new Error('The mouse could not be bound to the image.');
  for (const name of Object.values(NAMES)) group.addTool(name);
  group.addViewport(viewportId, ENGINE_ID);
  return (mouse) => {
    for (const tool of TOOLS) {
      group.setToolPassive(NAMES[tool], { removeAllBindings: true });
      group.setToolActive(NAMES[tool], { bindings: bindingsOf(tool, mouse) });
    }
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
