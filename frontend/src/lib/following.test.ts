import { describe, expect, it } from 'vitest';
import { follow, type Followed } from './following';

const CT: Followed = { assignment: 'a', modality: 'CT', isColour: false, sliceIndex: 10, zoom: 1, pan: [0, 0], window: { center: 40, width: 400 } };

describe('follow', () => {
  it('goes as many millimetres on, from its own place', () => {
    const at = { ...CT, sliceIndex: 3 };
    expect(follow(CT, { ...CT, sliceIndex: 14 }, at, 1.5, 3).sliceIndex).toBe(5);
    expect(follow(CT, { ...CT, sliceIndex: 14 }, at, null, 3).sliceIndex).toBe(7);
  });

  it('zooms by the same factor and moves as far', () => {
    const at: Followed = { ...CT, zoom: 2, pan: [5, 5] };
    const taken = follow({ ...CT, zoom: 0.5 }, { ...CT, zoom: 1, pan: [10, -20] }, at, null, null);
    expect([taken.zoom, taken.pan]).toEqual([4, [15, -15]]);
  });

  it('takes a window that was changed, of the same modality alone', () => {
    const window = { center: -600, width: 1500 };
    expect(follow(CT, { ...CT, window }, CT, null, null).window).toEqual(window);
    expect(follow(CT, { ...CT, window }, { ...CT, modality: 'MR' }, null, null).window).toBeNull();
    expect(follow(CT, { ...CT, window }, { ...CT, isColour: true }, null, null).window).toBeNull();
    expect(follow(CT, CT, { ...CT, window }, null, null).window).toEqual(window); // its own, back again
  });
});
