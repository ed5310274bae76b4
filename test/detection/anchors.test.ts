import { describe, expect, it } from 'vitest';
import { familyOf, type ModelName } from '../../src/config/families.js';
import type { AnchorGrid } from '../../src/detection/anchors.js';
import { gridOf } from './grids.js';

const anchorsOf = (model: ModelName): AnchorGrid => {
  const family = familyOf(model);
  return gridOf(model, [family.imageSize, family.imageSize]);
};

// google/automl 6a54c874, anchors.py run at each model's own size.
describe('anchors', () => {
  it.each([
    ['efficientdet-d0', [64, 32, 16, 8, 4], 49_104],
    ['efficientdet-d1', [80, 40, 20, 10, 5], 76_725],
    ['efficientdet-d2', [96, 48, 24, 12, 6], 110_484],
    ['efficientdet-d3', [112, 56, 28, 14, 7], 150_381],
    ['efficientdet-d4', [128, 64, 32, 16, 8], 196_416],
    ['efficientdet-d5', [160, 80, 40, 20, 10], 306_900],
    ['efficientdet-d6', [160, 80, 40, 20, 10], 306_900],
    ['efficientdet-d7', [192, 96, 48, 24, 12], 441_936],
    ['efficientdet-d7x', [192, 96, 48, 24, 12, 6], 442_260],
    ['efficientdet-lite0', [40, 20, 10, 5, 3], 19_206],
    ['efficientdet-lite1', [48, 24, 12, 6, 3], 27_621],
    ['efficientdet-lite2', [56, 28, 14, 7, 4], 37_629],
    ['efficientdet-lite3', [64, 32, 16, 8, 4], 49_104],
    ['efficientdet-lite3x', [80, 40, 20, 10, 5], 76_725],
    ['efficientdet-lite4', [80, 40, 20, 10, 5], 76_725],
  ] as const)('of %s lie on maps of %j: %i of them', (model, sizes, count) => {
    const grid = anchorsOf(model);
    expect(grid.levels.map(({ height }) => height)).toEqual(sizes);
    expect(grid.levels.map(({ width }) => width)).toEqual(sizes);
    expect(grid.count).toBe(count);
    expect(grid.boxes.length).toBe(4 * count);
    expect(grid.levels.reduce((sum, level) => sum + level.count, 0)).toBe(count);
  });

  it('of D0 start with the official boxes and have the official sum', () => {
    const { boxes } = anchorsOf('efficientdet-d0');
    // prettier-ignore
    const first = [-12, -12, 20, 20, -7.3137, -18.6274, 15.3137, 26.6274, -18.6274, -7.3137, 26.6274, 15.3137];
    first.forEach((value, i) => expect(boxes[i]).toBeCloseTo(value, 4));
    // Float32 coordinates of up to 1,000 px: 1e-8 relative.
    expect(boxes.reduce((a, b) => a + b, 0)).toBeCloseTo(50282496.0388, 0);
  });

  it('of one cell keep its centre, and the area of their octave', () => {
    const { boxes } = anchorsOf('efficientdet-d0');
    for (let anchor = 0; anchor < 9; anchor++) {
      const [ymin, xmin, ymax, xmax] = boxes.subarray(4 * anchor, 4 * anchor + 4) as unknown as number[];
      expect((ymin! + ymax!) / 2).toBeCloseTo(4, 4);
      expect((xmin! + xmax!) / 2).toBeCloseTo(4, 4);
      const side = 32 * 2 ** (Math.floor(anchor / 3) / 3);
      expect((ymax! - ymin!) * (xmax! - xmin!)).toBeCloseTo(side * side, 2);
    }
  });

  it('use strides that are no whole numbers where a map does not divide the image', () => {
    const { boxes, count } = anchorsOf('efficientdet-lite0');
    // P7 is 3 × 3 of 320 px: stride 106.667, base 3 · 106.667.
    const first = (count - 81) * 4;
    expect(boxes[first + 2]! - boxes[first]!).toBeCloseTo(320, 3);
    expect((boxes[first + 2]! + boxes[first]!) / 2).toBeCloseTo(320 / 6, 3);
  });

  it('of an image that is not square have a stride per axis', () => {
    const grid = gridOf('efficientdet-d0', [100, 140]);
    expect(grid.levels.map(({ height, width }) => [height, width])).toEqual([
      [13, 18],
      [7, 9],
      [4, 5],
      [2, 3],
      [1, 2],
    ]);
    expect(grid.boxes[2]! - grid.boxes[0]!).toBeCloseTo((4 * 100) / 13, 4);
    expect(grid.boxes[3]! - grid.boxes[1]!).toBeCloseTo((4 * 140) / 18, 4);
  });
});
