import { beforeEach, expect, test, vi } from 'vitest';
import { SliceDragTool, WindowDragTool, dragToolsOf, type Dragged } from './tools';

/** Tool groups by name, with what is bound in each; the library's own want a running renderer. */
const groups = vi.hoisted(() => new Map<string, Map<string, unknown>>());

vi.mock('@cornerstonejs/tools', async (original) => ({
  ...(await original<object>()),
  ToolGroupManager: {
    createToolGroup(name: string) {
      if (groups.has(name)) return undefined;
      const bound = new Map<string, unknown>();
      groups.set(name, bound);
      return {
        addTool: () => undefined,
        addViewport: () => undefined,
        setToolPassive: (tool: string) => bound.delete(tool),
        setToolActive: (tool: string, { bindings }: { bindings: unknown[] }) => bound.set(tool, bindings),
      };
    },
    destroyToolGroup: (name: string) => groups.delete(name),
  },
}));

beforeEach(() => groups.clear());

function drag(viewportId: string, pixels: number): void {
  new SliceDragTool().mouseDragCallback({ detail: { viewportId, deltaPoints: { canvas: [0, pixels] } } });
}

function told(): Dragged {
  return { slices: vi.fn<Dragged['slices']>(), window: vi.fn<Dragged['window']>() };
}

test('a drag moves the slices of the viewport that it is in, and of no other', () => {
  const [left, right] = [vi.fn(), vi.fn()];
  dragToolsOf('left', { ...told(), slices: left });
  const rightTools = dragToolsOf('right', { ...told(), slices: right });
  drag('right', 12);
  expect(left).not.toHaveBeenCalled();
  expect(right).toHaveBeenCalledExactlyOnceWith(12);
  rightTools.release();
  drag('right', 3);
  drag('left', -4);
  expect(right).toHaveBeenCalledOnce();
  expect(left).toHaveBeenCalledExactlyOnceWith(-4);
});

test('a drag over the window says how far to the right and downwards', () => {
  const dragged = told();
  dragToolsOf('left', dragged);
  new WindowDragTool().mouseDragCallback({ detail: { viewportId: 'left', deltaPoints: { canvas: [7, -2] } } });
  expect(dragged.window).toHaveBeenCalledExactlyOnceWith([7, -2]);
  expect(dragged.slices).not.toHaveBeenCalled();
});

test('each viewport has buttons of its own, and gives its tools back', () => {
  const [left, right] = [dragToolsOf('left', told()), dragToolsOf('right', told())];
  left.bind({ left: 'scroll', middle: 'pan', right: 'zoom', wheel: 'scroll' });
  right.bind({ left: 'window', middle: 'pan', right: 'zoom', wheel: 'scroll' });
  const bound = (viewport: string): unknown => groups.get(viewport)?.get(SliceDragTool.toolName);
  expect(bound('left')).toEqual([{ mouseButton: 1 }, { numTouchPoints: 1 }]);
  expect(bound('right')).toEqual([]);
  left.release();
  expect([...groups.keys()]).toEqual(['right']);
});
