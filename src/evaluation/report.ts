import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CocoMetricsSchema } from '../config/history.js';
import type { CocoGroundTruth } from '../data/ground-truth.js';
import type { CocoDetection } from '../detection/detections.js';
import { errors } from '../errors.js';
import { cocoMetrics } from './coco.js';
import { errorKinds } from './error-kinds.js';

/** report.json: what a model does on a data set, and what it does badly. */
export const Report = z.strictObject({
  model: z.strictObject({ name: z.string(), image_size: z.tuple([z.int(), z.int()]) }),
  classes: z.array(z.string()),
  counts: z.strictObject({ images: z.int(), boxes: z.int(), detections: z.int() }),
  metrics: CocoMetricsSchema,
  perClass: z.array(
    z.strictObject({
      categoryId: z.int(),
      name: z.string(),
      boxes: z.int(),
      AP: z.number(),
      AP50: z.number(),
      AP75: z.number(),
      AR100: z.number(),
    }),
  ),
  curves: z.array(
    z.strictObject({ categoryId: z.int(), precision: z.array(z.number()), scores: z.array(z.number()) }),
  ),
  /** Kinds of errors at the threshold of the best F1. */
  errors: z.strictObject({
    best: z.strictObject({
      threshold: z.number(),
      precision: z.number(),
      recall: z.number(),
      f1: z.number(),
    }),
    counts: z.strictObject({
      cls: z.int(),
      loc: z.int(),
      both: z.int(),
      dup: z.int(),
      bkg: z.int(),
      miss: z.int(),
    }),
    correct: z.int(),
    confusions: z.array(z.strictObject({ truth: z.int(), found: z.int(), count: z.int() })),
  }),
});
export type Report = z.infer<typeof Report>;

export const REPORT_FILE = 'report.json';

export function buildReport(
  groundTruth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  model: Report['model'],
): Report {
  const { metrics, perClass, curves } = cocoMetrics(groundTruth, detections);
  const { best, counts, correct, confusions } = errorKinds(groundTruth, detections);
  const boxes = (category: number): number =>
    groundTruth.annotations.filter(({ category_id }) => category_id === category).length;
  return {
    model,
    classes: groundTruth.categories.map(({ name }) => name),
    counts: {
      images: groundTruth.images.length,
      boxes: groundTruth.annotations.length,
      detections: detections.length,
    },
    metrics: { ...metrics },
    perClass: perClass.map(row => ({ ...row, boxes: boxes(row.categoryId) })),
    curves: curves.map(({ categoryId, precision, scores }) => ({
      categoryId,
      precision: [...precision],
      scores: [...scores],
    })),
    errors: { best, counts, correct, confusions: [...confusions] },
  };
}

export async function writeReport(
  folder: string,
  {
    report,
    groundTruth,
    detections,
  }: { report: Report; groundTruth: CocoGroundTruth; detections: readonly CocoDetection[] },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (name: string, value: unknown, indent = 0): Promise<void> =>
    writeFile(join(folder, name), `${JSON.stringify(value, null, indent)}\n`);
  await write('ground_truth.json', groundTruth);
  await write('detections.json', detections);
  await write(REPORT_FILE, report, 1);
}

export async function readReport(folder: string): Promise<Report> {
  const file = join(folder, REPORT_FILE);
  try {
    return Report.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw errors.reportUnreadable(file, cause);
  }
}
