import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { BboxXywh, CocoDetection, CocoGroundTruth } from '../../src/formats/coco.js';
import { cocoMetrics, matchScene } from '../../src/evaluation/coco.js';
import { countErrors, analyseErrors, type PerErrorType } from '../../src/evaluation/error-analysis.js';
import { fixOracle } from '../../src/evaluation/fix-oracle.js';
import { classifyDetections } from '../../src/evaluation/error-classification.js';
import { expectParity } from '../parity.js';

interface Golden {
  readonly cases: readonly {
    readonly images: number;
    readonly classes: number;
    readonly boxes: readonly number[][];
    readonly found: readonly number[][];
    readonly AP50: number;
    readonly counts: PerErrorType;
    readonly gains: PerErrorType;
  }[];
}

/** Rows: image, class, x, y, width, height (and score). */
function truthOf(
  rows: readonly (readonly number[])[],
  { images, classes }: { images: number; classes: number },
): CocoGroundTruth {
  const numbered = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
  return {
    images: numbered(images).map(id => ({ id, width: 200, height: 200, file_name: `${id}.jpg` })),
    annotations: rows.map(([image_id, category_id, ...bbox], i) => ({
      id: i + 1,
      image_id: image_id!,
      category_id: category_id!,
      bbox: bbox as unknown as BboxXywh, // four numbers remain
      area: bbox[2]! * bbox[3]!,
      iscrowd: 0,
    })),
    categories: numbered(classes).map(id => ({ id, name: `class ${id}` })),
  };
}

const foundOf = (rows: readonly (readonly number[])[]): CocoDetection[] =>
  rows.map(([image_id, category_id, x, y, width, height, score]) => ({
    image_id: image_id!,
    category_id: category_id!,
    bbox: [x!, y!, width!, height!],
    score: score!,
  }));

describe('kinds of errors', () => {
  it('and what repairing them brings equal TIDE on 30 generated cases', async () => {
    const file = new URL('../golden/tide.json', import.meta.url);
    const { cases } = JSON.parse(await readFile(file, 'utf8')) as Golden;
    let error = 0;
    cases.forEach(({ boxes, found, AP50, counts, gains, ...size }, i) => {
      const scene = matchScene(truthOf(boxes, size), foundOf(found));
      const classification = classifyDetections(scene, -Infinity);
      error = Math.max(error, Math.abs(cocoMetrics(scene.truth, scene.detections).metrics.AP50 - AP50));
      expect(countErrors(classification), `case ${i}`).toEqual(counts);
      Object.entries(fixOracle(scene, classification)).forEach(([kind, gain]) => {
        error = Math.max(error, Math.abs(gain - gains[kind as keyof PerErrorType]));
      });
    });
    expectParity({
      item: 'Kinds of errors, and what repairing each brings',
      reference: 'tidecv',
      cases: cases.length,
      error,
      measure: 'absolute',
      limit: 1e-9,
    });
  });

  // One box of each of two classes, far apart.
  const two = [
    [1, 1, 0, 0, 10, 10],
    [1, 2, 100, 0, 10, 10],
  ];
  const size = { images: 1, classes: 2 };
  it.each([
    // IoU 6·10 / 140 = .43 with the box of its class: repaired, class 1 rises from 0 to 1, and so the mean by 1/2.
    ['loc', [1, 1, 4, 0, 10, 10, 0.5], { loc: 1, miss: 1 }, { loc: 0.5, miss: 0 }],
    // On the box of the other class: repaired, it finds that.
    ['cls', [1, 1, 100, 0, 10, 9, 0.5], { cls: 1, miss: 1 }, { cls: 0.5, miss: 0 }],
    // IoU .25 with the box of the other class.
    ['both', [1, 1, 106, 0, 10, 10, 0.5], { both: 1, miss: 2 }, { both: 0, miss: 0 }],
    ['bkg', [1, 1, 50, 50, 10, 10, 0.5], { bkg: 1, miss: 2 }, { bkg: 0, miss: 0 }],
  ])('name a single detection: %s', (_kind, row, counts, gains) => {
    const scene = matchScene(truthOf(two, size), foundOf([row]));
    const classification = classifyDetections(scene, -Infinity);
    const none = { cls: 0, loc: 0, both: 0, dup: 0, bkg: 0, miss: 0 };
    expect(countErrors(classification)).toEqual({ ...none, ...counts });
    const found = fixOracle(scene, classification);
    Object.entries(gains).forEach(([kind, gain]) =>
      expect(found[kind as keyof PerErrorType]).toBeCloseTo(gain, 9),
    );
  });

  it('count a second hit as a duplicate: without it the later hit is at full precision', () => {
    const boxes = [
      [1, 1, 0, 0, 10, 10],
      [1, 1, 50, 0, 10, 10],
    ];
    const found = [
      [1, 1, 0, 0, 10, 10, 0.9],
      [1, 1, 0, 0, 10, 9, 0.8],
      [1, 1, 50, 0, 10, 10, 0.7],
    ];
    const scene = matchScene(truthOf(boxes, { images: 1, classes: 1 }), foundOf(found));
    const { errors } = analyseErrors(scene);
    expect(errors.counts.dup).toBe(1);
    // Recall up to .5 at precision 1 (51 of 101 points), the rest at 2/3.
    expect(errors.deltaAP50.dup).toBeCloseTo(1 - (51 + 50 * (2 / 3)) / 101, 9);
  });
});

describe('the best threshold', () => {
  it('is the score at which F1 is best, and errors are counted from it on', () => {
    const boxes = [
      [1, 1, 0, 0, 10, 10],
      [1, 1, 50, 0, 10, 10],
      [1, 1, 100, 0, 10, 10],
    ];
    const found = [
      [1, 1, 0, 0, 10, 10, 0.9],
      [1, 1, 50, 0, 10, 10, 0.6],
      [1, 1, 0, 150, 10, 10, 0.4],
      [1, 1, 50, 150, 10, 10, 0.2],
    ];
    const { errors } = analyseErrors(matchScene(truthOf(boxes, { images: 1, classes: 1 }), foundOf(found)));
    expect(errors.best).toEqual({ threshold: 0.6, precision: 1, recall: 2 / 3, f1: 0.8, accuracy: 2 / 3 });
    expect(errors).toMatchObject({
      correct: 2,
      counts: { bkg: 0, miss: 1 },
      shares: { miss: 1 },
      lost: { cls: 0, loc: 0, bkg: 1 },
    });
  });

  it('lists which class is taken for which', () => {
    const boxes = [
      [1, 1, 0, 0, 10, 10],
      [1, 1, 50, 0, 10, 10],
      [1, 2, 100, 0, 10, 10],
    ];
    const found = [
      [1, 1, 0, 0, 10, 10, 0.9],
      [1, 2, 50, 0, 10, 10, 0.8],
      [1, 2, 100, 0, 10, 10, 0.7],
    ];
    const { errors } = analyseErrors(matchScene(truthOf(boxes, { images: 1, classes: 2 }), foundOf(found)));
    expect(errors.confusions).toEqual([{ truth: 1, found: 2, count: 1, share: 0.5 }]);
    expect(errors.lost).toEqual({ cls: 1, loc: 0, bkg: 0 });
  });
});
