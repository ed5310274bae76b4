import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cocoMetrics, matchScene } from '../../src/evaluation/coco.js';
import { classesOf, confidenceOfAP50, weightedAP50 } from '../../src/evaluation/confidence.js';
import type { CocoDetection, CocoGroundTruth } from '../../src/formats/coco.js';
import { readReport } from '../../src/formats/report.js';
import { buildReport, writeEvaluation } from '../../src/evaluation/report.js';
import { randomFrom } from '../../src/random.js';

/** A detector that finds a box the more surely the larger it is. */
function scene(images: number): { groundTruth: CocoGroundTruth; detections: CocoDetection[] } {
  const random = randomFrom('report', images);
  const annotations = Array.from({ length: images * 5 }, (_, i) => {
    const side = 8 + (i % 50) * 3;
    const bbox = [random.uniform(0, 200), random.uniform(0, 200), side, side] as const;
    const place = { image_id: 1 + random.integer(images), category_id: 1 + random.integer(2) };
    return { id: i + 1, ...place, bbox, area: side * side, iscrowd: 0 as const };
  });
  const seen = annotations.filter(({ bbox }) => random.next() < bbox[2] / 150);
  return {
    groundTruth: {
      images: Array.from({ length: images }, (_, i) => ({
        id: i + 1,
        width: 400,
        height: 400,
        file_name: `${i}.jpg`,
      })),
      annotations,
      categories: [
        { id: 1, name: 'cat' },
        { id: 2, name: 'dog' },
      ],
    },
    detections: seen.map(({ image_id, category_id, bbox }) => ({
      image_id,
      category_id: random.next() < 0.8 ? category_id : 3 - category_id,
      bbox,
      score: random.next(),
    })),
  };
}

const facts = {
  model: {
    name: 'efficientdet-d0',
    image_size: [128, 128] as [number, number],
    engine: 'onnxruntime' as const,
  },
  training: null,
  deployed: { scoreThreshold: 0.3 },
  suppression: null,
  seed: 1,
};

describe('a report', () => {
  it('comes back from its folder as it was, with the files it was made from', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'report-'));
    const files = scene(20);
    const report = buildReport({ ...files, ...facts });
    await writeEvaluation(folder, { report, ...files });
    expect(await readReport(folder)).toEqual(report);
    for (const [name, value] of Object.entries({
      detections: files.detections,
      ground_truth: files.groundTruth,
    }))
      expect(await readFile(join(folder, `${name}.json`), 'utf8')).toBe(`${JSON.stringify(value)}\n`);
    expect(await readdir(folder)).toEqual(['detections.json', 'ground_truth.json', 'report.json']);
    await writeFile(join(folder, 'report.json'), '{}');
    await expect(readReport(folder)).rejects.toMatchObject({ code: 'REPORT_UNREADABLE' });
    await rm(folder, { recursive: true });
  });

  it('counts every box once: found or lost, in its class, its image and its fifth of the sizes', () => {
    const { groundTruth, detections } = scene(40);
    const { errors, perClass, images, sizeRecall, counts } = buildReport({
      groundTruth,
      detections,
      ...facts,
    });
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const lost = sum(Object.values(errors.lost));
    expect(errors.correct + lost).toBe(counts.boxes);
    expect(sum(perClass.map(({ correct }) => correct))).toBe(errors.correct);
    expect(sum(images.map(({ correct }) => correct))).toBe(errors.correct);
    expect(sum(images.map(({ cls }) => cls))).toBe(errors.counts.cls);
    expect(sum(images.map(({ miss }) => miss))).toBe(errors.counts.miss);
    expect(sum(sizeRecall.map(({ boxes }) => boxes))).toBe(counts.boxes);
    expect(Math.round(sum(sizeRecall.map(({ boxes, recall }) => boxes * recall!)))).toBe(errors.correct);
    expect(sum(Object.values(errors.shares))).toBeCloseTo(1, 9);
    // This detector finds large boxes.
    expect(sizeRecall[0]!.recall).toBeLessThan(sizeRecall[4]!.recall!);
  });

  it('says the same twice', () => {
    expect(buildReport({ ...scene(10), ...facts })).toEqual(buildReport({ ...scene(10), ...facts }));
  });

  it('is made of an empty answer too', () => {
    const { groundTruth } = scene(5);
    const { metrics, errors, confidence } = buildReport({ groundTruth, detections: [], ...facts });
    expect(metrics.AP).toBe(0);
    expect(errors.counts).toMatchObject({ miss: 25, bkg: 0 });
    expect(confidence).toMatchObject({ low: 0, high: 0 });
  });
});

describe('the confidence interval of AP50', () => {
  it('rests on the metric itself: with every image once it is AP50', () => {
    const { groundTruth, detections } = scene(30);
    const matched = matchScene(groundTruth, detections);
    const once = weightedAP50(classesOf(matched), new Uint16Array(30).fill(1));
    expect(once).toBeCloseTo(cocoMetrics(groundTruth, detections).metrics.AP50, 9);
  });

  it('counts an image twice as if it were there twice', () => {
    const { groundTruth, detections } = scene(6);
    const twice = {
      ...groundTruth,
      images: [...groundTruth.images, { ...groundTruth.images[2]!, id: 99 }],
      annotations: [
        ...groundTruth.annotations,
        ...groundTruth.annotations
          .filter(({ image_id }) => image_id === 3)
          .map(annotation => ({ ...annotation, id: Number(annotation.id) + 1000, image_id: 99 })),
      ],
    };
    const copies = detections.filter(({ image_id }) => image_id === 3).map(one => ({ ...one, image_id: 99 }));
    const weighted = weightedAP50(
      classesOf(matchScene(groundTruth, detections)),
      Uint16Array.of(1, 1, 2, 1, 1, 1),
    );
    expect(weighted).toBeCloseTo(cocoMetrics(twice, [...detections, ...copies]).metrics.AP50, 2);
  });

  it('holds AP50 and narrows with more images', () => {
    const [few, many] = [15, 240].map(images => {
      const { groundTruth, detections } = scene(images);
      const matched = matchScene(groundTruth, detections);
      const { low, high } = confidenceOfAP50(matched, 1)!;
      const { AP50 } = cocoMetrics(groundTruth, detections).metrics;
      expect(low).toBeLessThanOrEqual(AP50);
      expect(high).toBeGreaterThanOrEqual(AP50);
      return high - low;
    });
    // Sixteen times the images: about a quarter.
    expect(many! / few!).toBeLessThan(0.45);
  });
});
