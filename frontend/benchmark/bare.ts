import { Enums, RenderingEngine, imageLoader, init as initCore, type Types } from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import type { Case } from '../src/api/types';
import { registerFrameFetch } from '../src/features/viewer/frameFetch';
import { imageIdsOf, registerMetadata } from '../src/features/viewer/metadata';
import { firstSlice } from '../src/lib/loadOrder';
import { findMount, readPageConfig } from '../src/lib/pageConfig';

/**
 * The floor of the benchmark: the same first picture by the same library, and nothing else on the page. Enter goes on
 * to the next case, and round again, whose first picture is there by then.
 */
async function draw(element: HTMLDivElement, readings: readonly Case[]): Promise<void> {
  initCore();
  initLoader({ maxWebWorkers: 1 });
  registerFrameFetch();
  readings.forEach(registerMetadata);
  const engine = new RenderingEngine('bare');
  engine.enableElement({ viewportId: 'bare', type: Enums.ViewportType.STACK, element });
  const viewport = engine.getViewport<Types.IStackViewport>('bare');
  const stacks = readings.map(imageIdsOf);
  let at = 0;
  const show = async (): Promise<void> => {
    const imageIds = stacks[at] ?? [];
    await viewport.setStack(imageIds, firstSlice(imageIds.length));
    viewport.render();
  };
  addEventListener('keydown', ({ key }) => {
    if (key !== 'Enter') return;
    at = (at + 1) % stacks.length;
    void show();
  });
  await show();
  await Promise.all(stacks.map((imageIds) => imageLoader.loadAndCacheImage(imageIds[firstSlice(imageIds.length)] ?? '')));
  element.dataset.loaded = 'true';
}

void draw(findMount('bare') as HTMLDivElement, readPageConfig<Case[]>('bare-cases'));
