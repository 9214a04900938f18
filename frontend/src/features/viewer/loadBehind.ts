import { effect, type ReadonlySignal } from '@preact/signals';
import type { Case } from '../../api/types';
import { budgetBytes } from '../../lib/memoryPlan';
import { painted } from '../../lib/painted';
import { schedule } from '../../lib/schedule';
import { dropFrame, framesOf, releaseCase } from './frameLoader';
import { LoadingPlan, idle, type LoadingPlanOptions } from './loadingPlan';
import type { StackViewer } from './stackViewer';

/** Has the cases in hand, the open one first, loaded behind what a viewer shows. */
export function loadBehind(
  screen: StackViewer,
  held: ReadonlySignal<readonly Case[]>,
  options: Pick<LoadingPlanOptions, 'openingSlice'> = {},
): LoadingPlan {
  const plan = new LoadingPlan({
    framesOf: (reading) => framesOf(reading, screen.isCpu),
    release: releaseCase,
    drop: dropFrame,
    budgetBytes: memoryBudget(),
    schedule,
    idle,
    ...options,
  });
  effect(() => plan.hold(held.value));
  effect(() => {
    const { status, assignment } = screen.state.value;
    if (status !== 'rendered' || assignment === null) return;
    void painted().then(() => {
      if (screen.state.peek().assignment === assignment) plan.look(assignment, screen.state.peek().sliceIndex);
    });
  });
  addEventListener('online', () => plan.retry());
  return plan;
}

export function memoryBudget(): number {
  return budgetBytes((navigator as { deviceMemory?: number }).deviceMemory);
}
