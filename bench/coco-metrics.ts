/**
 * COCO metrics of a data set as large as COCO's val2017, compared with pycocotools on the same files: the time from the files to
 * the twelve metrics, and peak memory.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BboxXywh, CocoDetection, CocoGroundTruth } from '../src/formats/coco.js';
import { randomFrom } from '../src/random.js';
import { type Measurement, measureOnce } from './candidate.js';
import type { Report } from './report.js';
import { comparisonRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';

interface MetricsMeasurement extends Measurement {
  readonly metrics: readonly number[];
}

const CATEGORIES = 80;

/** Boxes of every size. Some detections lie near a box; most lie anywhere and have low scores. */
function generate({ images, boxes, detections }: MetricsOptions): {
  truth: CocoGroundTruth;
  found: CocoDetection[];
} {
  const random = randomFrom('bench', images, boxes, detections);
  const bbox = (): BboxXywh => {
    const side = (): number => 8 * 40 ** random.next();
    return [random.uniform(0, 500), random.uniform(0, 400), side(), side()];
  };
  const annotations = Array.from({ length: boxes }, (_, i) => {
    const box = bbox();
    return {
      id: i + 1,
      image_id: 1 + random.integer(images),
      category_id: 1 + random.integer(CATEGORIES),
      bbox: box,
      area: box[2] * box[3] * random.uniform(0.5, 1),
      iscrowd: random.next() < 0.01 ? (1 as const) : (0 as const),
    };
  });
  const found = Array.from({ length: detections }, (_, i): CocoDetection => {
    const near = i < boxes ? annotations[i]! : null;
    if (!near)
      return {
        image_id: 1 + random.integer(images),
        category_id: 1 + random.integer(CATEGORIES),
        bbox: bbox(),
        score: random.next() ** 3,
      };
    const [x, y, w, h] = near.bbox;
    const shift = (): number => random.uniform(-0.15, 0.15);
    const box: BboxXywh = [x + shift() * w, y + shift() * h, w * (1 + shift()), h * (1 + shift())];
    return { image_id: near.image_id, category_id: near.category_id, bbox: box, score: random.next() };
  });
  const truth = {
    images: Array.from({ length: images }, (_, i) => ({
      id: i + 1,
      width: 640,
      height: 480,
      file_name: `${i}.jpg`,
    })),
    annotations,
    categories: Array.from({ length: CATEGORIES }, (_, i) => ({ id: i + 1, name: `class ${i}` })),
  };
  return { truth, found };
}

export interface MetricsOptions {
  readonly images: number;
  readonly boxes: number;
  readonly detections: number;
}

export const benchMetrics = (report: Report, options: MetricsOptions): Promise<Row[]> =>
  inTemporaryFolder(async folder => {
    const open = { truth: join(folder, 'truth.json'), found: join(folder, 'found.json') };
    const { truth, found } = generate(options);
    await writeFile(open.truth, JSON.stringify(truth));
    await writeFile(open.found, JSON.stringify(found));
    const module = './programs/evaluate.js';
    const ours = await measureOnce<MetricsMeasurement>(
      { name: 'detdistill', program: { module }, open },
      report,
    );
    const script = { script: 'pycocotools_evaluate.py', packages: 'light' } as const;
    const theirs = await measureOnce<MetricsMeasurement>(
      { name: 'pycocotools', program: script, open },
      report,
    );
    const difference = Math.max(...ours.metrics.map((value, i) => Math.abs(value - theirs.metrics[i]!)));
    report.say(
      `AP ${ours.metrics[0]!.toFixed(9)}; the largest difference among the twelve metrics is ${difference.toExponential(1)}`,
    );
    const subject = { precision: 'fp64', batch: 1, size: 0 };
    const peer = 'pycocotools';
    return [
      comparisonRow(
        report,
        { ...subject, model: 'coco-metrics' },
        { ours: [ours.ms], peer, theirs: [theirs.ms] },
      ),
      comparisonRow(
        report,
        { ...subject, model: 'coco-metrics, peak', unit: 'MiB' },
        { ours: [ours.peakMiB], peer, theirs: [theirs.peakMiB] },
      ),
    ];
  });
