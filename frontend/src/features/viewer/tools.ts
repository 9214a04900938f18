import { Enums, PanTool, ToolGroupManager, WindowLevelTool, ZoomTool } from '@cornerstonejs/tools';
import { ENGINE_ID } from './cornerstone';

export type DragTool = 'window' | 'zoom' | 'pan';

const { MouseBindings } = Enums;
const GROUP_ID = 'reading';
const NAMES: Record<DragTool, string> = {
  window: WindowLevelTool.toolName as string,
  zoom: ZoomTool.toolName as string,
  pan: PanTool.toolName as string,
};
/** What a button other than the left one does, whatever the left one does. */
const FIXED_BUTTONS: Record<DragTool, Enums.MouseBindings | null> = {
  window: null,
  zoom: MouseBindings.Secondary,
  pan: MouseBindings.Auxiliary,
};

/** Binds the mouse and the fingers of one viewport: left as chosen, right zooms, middle pans, two fingers zoom. */
export function bindDragTools(viewportId: string): (left: DragTool | null) => void {
  const group = ToolGroupManager.getToolGroup(GROUP_ID) ?? ToolGroupManager.createToolGroup(GROUP_ID);
  if (!group) throw new Error('The mouse could not be bound to the image.');
  for (const name of Object.values(NAMES)) group.addTool(name);
  group.addViewport(viewportId, ENGINE_ID);
  return (left) => {
    for (const tool of ['window', 'zoom', 'pan'] as const) {
      group.setToolPassive(NAMES[tool], { removeAllBindings: true });
      group.setToolActive(NAMES[tool], { bindings: bindingsOf(tool, left) });
    }
  };
}

interface Binding {
  mouseButton?: Enums.MouseBindings;
  numTouchPoints?: number;
}

function bindingsOf(tool: DragTool, left: DragTool | null): Binding[] {
  const bindings: Binding[] = [];
  const fixed = FIXED_BUTTONS[tool];
  if (tool === left) bindings.push({ mouseButton: MouseBindings.Primary }, { numTouchPoints: 1 });
  if (fixed !== null) bindings.push({ mouseButton: fixed });
  if (tool === 'zoom') bindings.push({ numTouchPoints: 2 });
  if (tool === 'pan') bindings.push({ numTouchPoints: 3 });
  return bindings;
}
