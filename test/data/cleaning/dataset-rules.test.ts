import { describe, expect, it } from 'vitest';
import { type BoxYxyx, iou } from '../../../src/boxes.js';
import { familyOf } from '../../../src/config/families.js';
import { Data } from '../../../src/config/run.js';
import { anchorFit, bestAnchorIou } from '../../../src/data/cleaning/anchor-fit.js';
import { checkDataset } from '../../../src/data/cleaning/dataset-rules.js';
import type { CleanedDataset, CleanedSample } from '../../../src/formats/dataset.js';
import { anchorOptions, createAnchors } from '../../../src/detection/anchors.js';
import { randomFrom } from '../../../src/random.js';

const IMAGE = { width: 640, height: 480 };

const sampleOf = (boxes: readonly (readonly [classIndex: number, box: BoxYxyx])[]): CleanedSample => ({
  imageId: 1,
  id: 'a',
  image: 'a.png',
  original: '/a.png',
  ...IMAGE,
  boxes: boxes.map(([classIndex, box]) => ({
    classIndex,
    box: [...box],
    crowd: false,
    difficult: false,
    area: 1,
  })),
});
const many = (classIndex: number, count: number): (readonly [number, BoxYxyx])[] =>
  Array.from({ length: count }, () => [classIndex, [100, 100, 180, 180]] as const);

const d0 = {
  anchors: anchorOptions(familyOf('efficientdet-d0'), [1, 2, 0.5]),
  imageSize: [512, 512],
} as const;
const random = randomFrom('dataset rules');

/** Boxes of such sizes and of ratios around these, anywhere. */
const boxesOf = (
  count: number,
  [least, most]: readonly [number, number],
  ratios: readonly number[],
): BoxYxyx[] =>
  Array.from({ length: count }, (_, i) => {
    const side = random.uniform(least, most);
    const ratio = ratios[i % ratios.length]! * random.uniform(0.9, 1.1);
    const [width, height] = [side * Math.sqrt(ratio), side / Math.sqrt(ratio)];
    const [x, y] = [random.uniform(0, 640 - width), random.uniform(0, 480 - height)];
    return [y, x, y + height, x + width];
  });

describe('L10', () => {
  const found = (dataset: CleanedDataset, data = {}): string[] =>
    checkDataset(dataset, { data: Data.parse({ train: 'x', ...data }), detector: null, source: null }).map(
      ({ rule, reason }) => `${rule} ${reason}`,
    );
  const dataset: CleanedDataset = {
    classes: ['cat', 'dog', 'emu', 'fox'],
    splits: {
      train: [sampleOf([...many(0, 101), ...many(1, 9), ...many(2, 10)])],
      eval: [sampleOf([...many(0, 1), ...many(3, 1), ...many(2, 1)])],
      test: [],
    },
  };

  it('warns of classes that are missing or rare, and of one that outweighs another', () => {
    expect(found(dataset)).toEqual([
      'L10 dog: no box to evaluate on',
      'L10 fox: no box to train on',
      'L10 dog: 9 boxes to train on, at least 10 are recommended',
      'L10 cat has 11.2 times as many boxes to train on as dog: add images with dog',
    ]);
  });

  it('has limits, and can be left out', () => {
    const cleaning = { min_class_boxes: 9, max_class_imbalance: 12 };
    expect(found(dataset, { cleaning })).toHaveLength(2);
    expect(found(dataset, { cleaning: { off: ['L10'] } })).toEqual([]);
    expect(found(dataset, { do_data_cleaning: false })).toEqual([]);
  });

  it('warns of a class that a test split lacks, where there is one', () => {
    const test = [sampleOf([...many(0, 1), ...many(1, 1), ...many(3, 1)])];
    expect(found({ ...dataset, splits: { ...dataset.splits, test } })).toContain(
      'L10 emu: no box to test on',
    );
  });

  it('asks nothing of training where there is none', () => {
    expect(found({ ...dataset, splits: { train: [], eval: dataset.splits.eval, test: [] } })).toEqual([
      'L10 dog: no box to evaluate on',
    ]);
  });
});

describe('L14', () => {
  it.each([
    [512, 512],
    [384, 640],
  ] as const)('the best anchor is that of all, at %i × %i', (height, width) => {
    const imageSize = [height, width] as const;
    const grid = createAnchors(d0.anchors, imageSize);
    const boxes = boxesOf(60, [2, 470], [1, 3, 0.4]);
    for (const box of boxes) {
      let best = 0;
      for (let at = 0; at < grid.boxes.length; at += 4) {
        const [ymin, xmin, ymax, xmax] = grid.boxes.subarray(at, at + 4);
        best = Math.max(best, iou(box, [ymin!, xmin!, ymax!, xmax!]));
      }
      // Anchors are float32: equal shapes differ in the last digits from cell to cell.
      expect(bestAnchorIou(box, { grid, imageSize })).toBeCloseTo(best, 6);
    }
  });

  const datasetOf = (boxes: readonly BoxYxyx[]): CleanedDataset => ({
    classes: ['thing'],
    splits: { train: [sampleOf(boxes.map(box => [0, box] as const))], eval: [], test: [] },
  });

  it('says nothing of boxes that anchors meet', () => {
    const dataset = datasetOf(boxesOf(100, [60, 300], [1, 2, 0.5]));
    const data = Data.parse({ train: 'x' });
    expect(
      checkDataset(dataset, { data, detector: d0, source: null }).filter(({ rule }) => rule === 'L14'),
    ).toEqual([]);
  });

  it('suggests the ratios of long boxes, and a larger input for small ones, with what they would miss', () => {
    const long = anchorFit(datasetOf(boxesOf(90, [60, 100], [6, 5, 7])), d0, 0.5);
    expect(long.missed).toBeGreaterThan(80);
    const { value, missed } = long.better.aspect_ratios!;
    for (const ratio of value) expect(Math.abs(ratio - 6)).toBeLessThan(2);
    expect(missed).toBeLessThan(5);
    const small = anchorFit(datasetOf(boxesOf(90, [18, 24], [1])), d0, 0.5);
    expect(small.missed).toBeGreaterThan(20);
    expect(small.better.image_size!.value).toEqual([768, 768]);
    expect(small.better.image_size!.missed).toBeLessThan(small.missed / 2);
  });

  it('is a finding with its numbers above the limit', () => {
    const dataset = datasetOf(boxesOf(90, [60, 100], [6, 5, 7]));
    const [finding] = checkDataset(dataset, {
      data: Data.parse({ train: 'x', cleaning: { off: ['L10'] } }),
      detector: d0,
      source: null,
    });
    expect(finding).toMatchObject({
      rule: 'L14',
      reason: expect.stringMatching(
        /^\d+\.\d % of 90 boxes have no anchor with an IoU of 0\.5 or more; hparams\.aspect_ratios \[.*\] would miss \d+\.\d %/,
      ) as string,
      facts: { boxes: 90, image_size: [512, 512] },
    });
  });
});
