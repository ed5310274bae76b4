import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CocoDetection, CocoGroundTruth } from '../../src/formats/coco.js';
import { cocoMetrics } from '../../src/evaluation/coco.js';
import { expectParity, largestError } from '../parity.js';
import { runPython } from '../python.js';
import { generateCase, toCocoJson } from './coco-cases.js';

interface Expected {
  readonly stats: readonly number[];
  /** Per class: AP, AP50, AP75, AR100, and precision at IoU .5 and .75. */
  readonly perClass: readonly { readonly numbers: readonly number[]; readonly curves: readonly number[][] }[];
}

const CASES = 400;
const script = fileURLToPath(new URL('coco_metrics.py', import.meta.url));

describe('COCO metrics', () => {
  it(`equal those of pycocotools on ${CASES} generated cases, class by class and curve by curve`, async test => {
    const cases = Array.from({ length: CASES }, (_, seed) => generateCase(seed));
    const expected = JSON.parse(await runPython(script, { test, input: toCocoJson(cases) })) as Expected[];
    let error = 0;
    const note = (found: readonly number[], wanted: readonly number[]): void => {
      error = Math.max(error, largestError(found, wanted));
    };
    cases.forEach(({ truth, found }, i) => {
      const { metrics, perClass, curves } = cocoMetrics(truth, found);
      note(Object.values(metrics) as number[], expected[i]!.stats);
      perClass.forEach(({ categoryId, AP, AP50, AP75, AR100 }, k) => {
        const { numbers, curves: theirs } = expected[i]!.perClass[k]!;
        note([AP, AP50, AP75, AR100], numbers);
        const ours = curves.filter(curve => curve.categoryId === categoryId);
        expect(ours.length, `case ${i}, class ${k}`).toBe(theirs.length);
        ours.forEach(({ precision }, t) => note(precision, theirs[t]!));
      });
    });
    expectParity({
      item: 'COCO metrics, per class too, and precision-recall curves',
      reference: 'pycocotools',
      cases: CASES,
      error,
      measure: 'absolute',
      limit: 1e-9,
    });
    // The cases are worth something: most of them have an AP between the extremes, some have none.
    expect(expected.filter(({ stats: [AP] }) => AP! > 0.01 && AP! < 0.99).length).toBeGreaterThan(CASES / 2);
    expect(expected.filter(({ stats: [AP] }) => AP === -1).length).toBeGreaterThan(10);
  });

  it('do not change with the order of images and classes in the file', () => {
    const { truth, found } = generateCase(1);
    const turned = {
      ...truth,
      images: [...truth.images].reverse(),
      categories: [...truth.categories].reverse(),
    };
    expect(cocoMetrics(turned, found)).toEqual(cocoMetrics(truth, found));
  });

  it('give 1 to a perfect answer and -1 where there is nothing to find', () => {
    const { truth } = generateCase(4);
    const plain = { ...truth, annotations: truth.annotations.filter(({ iscrowd }) => iscrowd === 0) };
    const perfect = plain.annotations.map(({ image_id, category_id, bbox }) => ({
      image_id,
      category_id,
      bbox,
      score: 1,
    }));
    expect(cocoMetrics(plain, perfect).metrics).toMatchObject({ AP: 1, AP50: 1, AR100: 1 });
    const { metrics } = cocoMetrics({ ...plain, annotations: [] }, perfect);
    expect(new Set(Object.values(metrics))).toEqual(new Set([-1]));
  });
});

const truth: CocoGroundTruth = {
  images: [{ id: 7, width: 10, height: 10, file_name: 'a.jpg' }],
  annotations: [{ id: 1, image_id: 7, category_id: 2, bbox: [0, 0, 4, 4], area: 16, iscrowd: 0 }],
  categories: [{ id: 2, name: 'cat' }],
};
const detection: CocoDetection = { image_id: 7, category_id: 2, bbox: [0, 0, 4, 4], score: 0.5 };

describe('bad numbers', () => {
  it.each([
    [{ image_id: 8 }, 'detections[1].image_id: 8, must be one of the 1 images'],
    [{ category_id: 1 }, 'detections[1].category_id: 1, must be 2'],
    [{ score: NaN }, 'detections[1].score: NaN, must be a finite number'],
    [
      { bbox: [0, 0, -1, 4] as const },
      'detections[1].bbox: [0, 0, -1, 4], must be a width and a height that are not negative',
    ],
    [
      { bbox: [0, Infinity, 1, 4] as const },
      'detections[1].bbox: [0, Infinity, 1, 4], must be x, y, width, height: four finite numbers',
    ],
  ])('in a detection are an error that names the entry: %o', (change, message) => {
    expect(() => cocoMetrics(truth, [detection, { ...detection, ...change }])).toThrow(message);
  });

  it.each([
    [{ id: 1 }, 'ground truth: annotations[1].id: 1, must be an id that no other entry has'],
    [{ image_id: 9 }, 'ground truth: annotations[1].image_id: 9, must be one of the 1 images'],
    [{ category_id: 9 }, 'ground truth: annotations[1].category_id: 9, must be 2'],
    [{ area: -1 }, 'ground truth: annotations[1].area: -1, must be a number that is not negative'],
    [{ bbox: [0, 0, NaN, 4] as const }, 'ground truth: annotations[1].bbox: [0, 0, NaN, 4]'],
  ])('in an annotation are an error that names the entry: %o', (change, message) => {
    const annotations = [...truth.annotations, { ...truth.annotations[0]!, id: 2, ...change }];
    expect(() => cocoMetrics({ ...truth, annotations }, [])).toThrow(message);
  });
});
