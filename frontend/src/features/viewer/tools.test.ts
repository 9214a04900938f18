import { beforeEach, expect, test, vi } from 'vitest';
import { SliceDragTool, dragToolsOf } from './tools';

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

test('a drag moves the slices of the viewport that it is in, and of no other', () => {
  const [left, right] = [vi.fn(), vi.fn()];
  dragToolsOf('left', left);
  const rightTools = dragToolsOf('right', right);
  drag('right', 12);
  expect(left).not.toHaveBeenCalled();
  expect(right).toHaveBeenCalledExactlyOnceWith(12);
  rightTools.release();
  drag('right', 3);
  drag('left', -4);
  expect(right).toHaveBeenCalledOnce();
  expect(left).toHaveBeenCalledExactlyOnceWith(-4);
});

test('each viewport has buttons of its own, and gives its tools back', () => {
  const [left, right] = [dragToolsOf('left', vi.fn()), dragToolsOf('right', vi.fn())];
  left.bind({ left: 'scroll', middle: 'pan', right: 'zoom', wheel: 'scroll' });
  right.bind({ left: 'window', middle: 'pan', right: 'zoom', wheel: 'scroll' });
  const bound = (viewport: string): unknown => groups.get(viewport)?.get(SliceDragTool.toolName);
  expect(bound('left')).toEqual([{ mouseButton: 1 }, { numTouchPoints: 1 }]);
  expect(bound('right')).toEqual([]);
  left.release();
  expect([...groups.keys()]).toEqual(['right']);
});
