import { Enums, RenderingEngine, init as initCore, type Types } from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import type { Case } from '../src/api/types';
import { registerFrameFetch } from '../src/features/viewer/frameFetch';
import { imageIdsOf, registerMetadata } from '../src/features/viewer/metadata';
import { firstSlice } from '../src/lib/loadOrder';
import { findMount, readPageConfig } from '../src/lib/pageConfig';

/** The floor of the benchmark: the same first picture by the same library, and nothing else on the page. */
async function draw(element: HTMLDivElement, reading: Case): Promise<void> {
  initCore();
  initLoader({ maxWebWorkers: 1 });
  registerFrameFetch();
  registerMetadata(reading);
  const engine = new RenderingEngine('bare');
  engine.enableElement({ viewportId: 'bare', type: Enums.ViewportType.STACK, element });
  const viewport = engine.getViewport<Types.IStackViewport>('bare');
  const imageIds = imageIdsOf(reading);
  await viewport.setStack(imageIds, firstSlice(imageIds.length));
  viewport.render();
}

void draw(findMount('bare') as HTMLDivElement, readPageConfig<Case>('bare-case'));
