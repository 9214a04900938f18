import { signal } from '@preact/signals';
import { describe, expect, it, vi } from 'vitest';
import { aCriterion, aCase, FakeServer } from '../../testing/fakes';
import type { StackViewer } from '../viewer/stackViewer';
import { EMPTY_STATE, type ViewerState } from '../viewer/viewerState';
import { anchorComparable, Comparison, nextAnchor } from './comparison';
import { Session } from './session';

vi.mock('../viewer/frameLoader', () => ({ releaseCase: vi.fn() }));

const ANCHORS = [1, 3, 5].map((value) => ({ value, image: value, url: `/anchor-images/${value}/`, thumbnail_url: null }));
const CRITERION = aCriterion({ anchor_images: ANCHORS });

function aComparison(server: FakeServer): Comparison {
  return new Comparison(server, new Session(server, '/session/', 'reader1'));
}

function picture() {
  const { image, instances } = aCase('anchor');
  return { image, instances };
}

describe('nextAnchor', () => {
  it('begins with the level that was chosen, goes round, and ends', () => {
    const shown = [nextAnchor(CRITERION, 3, null)];
    for (let step = 0; step < 3; step++) shown.push(nextAnchor(CRITERION, 3, shown.at(-1) ?? null));
    expect(shown.map((one) => one?.value)).toEqual([3, 5, 1, undefined]);
  });

  it('begins with the first where the chosen level has none', () => {
    expect(nextAnchor(CRITERION, 2, null)?.value).toBe(1);
    expect(nextAnchor(aCriterion(), 2, null)).toBeNull();
  });
});

describe('Comparison', () => {
  it('tells what the case was compared with, and what still lies beside it', async () => {
    const server = new FakeServer().on('/anchor-images/1/', picture).on('/anchor-images/3/', picture);
    const comparison = aComparison(server);
    for (const anchor of ANCHORS.slice(0, 2)) await comparison.open(anchorComparable(CRITERION, anchor));
    expect(comparison.record(true)).toEqual([
      { kind: 'anchor', image: 1, criterion: 'noise', value: 1, is_shown: false },
      { kind: 'anchor', image: 3, criterion: 'noise', value: 3, is_shown: true },
    ]);
    comparison.restart();
    expect(comparison.record(true)).toEqual([]);
  });

  it('tells how the image beside stands once it is drawn, and whether it moves along', async () => {
    const comparison = aComparison(new FakeServer().on('/anchor-images/1/', picture));
    await comparison.open(anchorComparable(CRITERION, ANCHORS[0]!));
    const drawn: ViewerState = { ...EMPTY_STATE, status: 'rendered', assignment: 'comparison-anchor', sliceIndex: 7, zoom: 2 };
    const state = signal<ViewerState>({ ...drawn, status: 'loading' });
    comparison.viewer.value = { state, element: { clientWidth: 500, clientHeight: 400 } } as unknown as StackViewer;
    expect(comparison.record(true)[0]).toMatchObject({ is_shown: true });
    expect(comparison.record(true)[0]).not.toHaveProperty('display');
    state.value = drawn;
    comparison.isLinked.value = false;
    const [told] = comparison.record(true);
    expect(told?.display).toMatchObject({ slice_index: 7, zoom: 2, viewport: [500, 400], is_linked: false });
    expect(told?.display).not.toHaveProperty('has_graphics'); // it has no overlays
    comparison.close();
    expect(comparison.record(true)[0]).not.toHaveProperty('display');
  });

  it('says why an image could not be had, and counts it as not seen', async () => {
    const comparison = aComparison(new FakeServer().on('/anchor-images/1/', () => new Error('It is gone.')));
    await comparison.open(anchorComparable(CRITERION, ANCHORS[0]!));
    expect(comparison.problem.value).toBe('It is gone.');
    expect(comparison.record(true)).toEqual([]);
  });

  it('closes by the same key that opened it', async () => {
    const comparison = aComparison(new FakeServer().on('/anchor-images/1/', picture));
    const wanted = anchorComparable(CRITERION, ANCHORS[0]!);
    await comparison.toggle(wanted);
    expect(comparison.picture.value?.assignment).toBe('comparison-anchor');
    await comparison.toggle(wanted);
    expect(comparison.shown.value).toBeNull();
  });

  it('lets an answer that comes late change nothing', async () => {
    let answer: (value: unknown) => void = () => undefined;
    const server = new FakeServer().on('/anchor-images/1/', () => new Promise((resolve) => (answer = resolve)));
    const comparison = aComparison(server);
    const opening = comparison.open(anchorComparable(CRITERION, ANCHORS[0]!));
    await Promise.resolve();
    comparison.restart();
    answer(picture());
    await opening;
    expect(comparison.picture.value).toBeNull();
  });
});
