import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CocoGroundTruth } from '../../src/data/ground-truth.js';
import type { CocoDetection } from '../../src/detection/detections.js';
import { cocoMetrics } from '../../src/evaluation/coco.js';
import { randomFrom } from '../../src/random.js';
import { runPython } from '../python.js';

interface Case {
  readonly groundTruth: CocoGroundTruth;
  readonly detections: CocoDetection[];
}

/** Few pictures, many edge cases: crowds, ties, empty pictures and classes, ids with gaps and large ones, hundreds of boxes. */
function generate(seed: number): Case {
  const random = randomFrom('coco', seed);
  const categories = Array.from({ length: 1 + random.integer(4) }, (_, i) => ({
    id: 3 * i + 1,
    name: `c${i}`,
  }));
  const images = Array.from({ length: 1 + random.integer(6) }, (_, i) => ({
    id: 7 * i + 1 + (seed % 5 === 0 ? 4_000_000_000 : 0),
    width: 640,
    height: 480,
    file_name: `${i}.jpg`,
  }));
  const size = [20, 60, 200][random.integer(3)]!;
  const box = (): [number, number, number, number] => [
    random.uniform(0, 400),
    random.uniform(0, 300),
    random.uniform(2, size),
    random.uniform(2, size),
  ];
  const annotations = images
    .flatMap(({ id: image_id }) =>
      Array.from({ length: seed % 11 === 0 ? 0 : random.integer(12) }, () => {
        const bbox = box();
        return {
          image_id,
          category_id: categories[random.integer(categories.length)]!.id,
          bbox,
          area: bbox[2] * bbox[3] * random.uniform(0.5, 1),
          iscrowd: random.next() < 0.15 ? (1 as const) : (0 as const),
        };
      }),
    )
    .map((annotation, i) => ({ id: i + 1, ...annotation }));
  const near = annotations.flatMap(({ image_id, category_id, bbox: [x, y, w, h] }) =>
    Array.from({ length: random.integer(4) }, () => {
      const shift = (): number => random.uniform(-0.2, 0.2);
      return {
        image_id,
        category_id,
        bbox: [x + shift() * w, y + shift() * h, w * (1 + shift()), h * (1 + shift())] as [
          number,
          number,
          number,
          number,
        ],
        score: Math.round(random.next() * 10) / 10,
      };
    }),
  );
  const stray = Array.from({ length: seed % 13 === 0 ? 300 : random.integer(20) }, () => ({
    image_id: images[random.integer(images.length)]!.id,
    category_id: categories[random.integer(categories.length)]!.id,
    bbox: box(),
    score: random.next(),
  }));
  return {
    groundTruth: { images, annotations, categories },
    detections: seed % 17 === 0 ? [] : [...near, ...stray],
  };
}

const script = fileURLToPath(new URL('coco_metrics.py', import.meta.url));

describe('COCO metrics', () => {
  it('equal those of pycocotools on 300 generated cases, to the last bit but nine digits', async test => {
    const cases = Array.from({ length: 300 }, (_, seed) => generate(seed));
    const expected = JSON.parse(
      await runPython(script, { test, input: JSON.stringify(cases) }),
    ) as number[][];
    cases.forEach(({ groundTruth, detections }, i) => {
      const found = Object.values(cocoMetrics(groundTruth, detections).metrics) as number[];
      expected[i]!.forEach((value, k) =>
        expect(Math.abs(found[k]! - value), `case ${i}, number ${k}`).toBeLessThan(1e-9),
      );
    });
    // The cases are worth something: most of them have an AP between the extremes.
    expect(expected.filter(([AP]) => AP! > 0.01 && AP! < 0.99).length).toBeGreaterThan(200);
  });

  it('give 1 to a perfect answer and name the class', () => {
    const { groundTruth } = generate(4);
    const perfect = groundTruth.annotations
      .filter(({ iscrowd }) => iscrowd === 0)
      .map(({ image_id, category_id, bbox }) => ({ image_id, category_id, bbox, score: 1 }));
    const { metrics, perClass } = cocoMetrics(groundTruth, perfect);
    expect(metrics.AP).toBeCloseTo(1, 9);
    expect(perClass.map(({ name }) => name)).toEqual(groundTruth.categories.map(({ name }) => name));
  });
});
