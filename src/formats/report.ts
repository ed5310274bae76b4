import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errors } from '../errors/index.js';
import { ENGINES } from '../settings.js';
import { CocoMetrics } from './coco-metrics.js';
import { readJsonFile } from './json-file.js';

/** The error types of TIDE (https://arxiv.org/abs/2008.08115): what is wrong with a false positive, or a missed box. */
export const ERROR_TYPES = ['cls', 'loc', 'both', 'dup', 'bkg', 'miss'] as const;
export type ErrorType = (typeof ERROR_TYPES)[number];

const Share = z.number().min(0).max(1);
const Count = z.int().min(0);

const perErrorType = <T extends z.ZodType>(value: T): z.ZodObject<Record<ErrorType, T>> =>
  z.strictObject({ cls: value, loc: value, both: value, dup: value, bkg: value, miss: value });

const OperatingPoint = z.strictObject({
  /** Detections with at least this score are counted. */
  threshold: z.number(),
  precision: Share,
  recall: Share,
  f1: Share,
  /** TP / (TP + FP + FN): detection has no true negatives. */
  accuracy: Share,
});
export type OperatingPoint = Readonly<z.infer<typeof OperatingPoint>>;

const Counts = z.strictObject({ images: Count, boxes: Count, detections: Count });

/** The confidence interval of AP50, by bootstrap over the images; null: AP50 is undefined. */
const Confidence = z
  .strictObject({
    low: Share,
    high: Share,
    /** The share of resamples inside the interval. */
    level: Share,
    resamples: z.int().positive(),
  })
  .nullable();

/** report.json: the metrics of a model on a data set, and an analysis of its errors. */
export const Report = z.strictObject({
  model: z.strictObject({
    name: z.string(),
    /** [height, width] */
    image_size: z.tuple([z.int(), z.int()]),
    /** The engine that ran the network. */
    engine: z.enum(ENGINES),
  }),
  classes: z.array(z.string()),
  counts: Counts,
  /** The size of the training split; null: unknown. */
  training: z
    .strictObject({ images: Count, boxes: Count, boxesPerClass: z.record(z.string(), Count) })
    .nullable(),
  /** The settings that the model is used with; null: unknown. */
  deployed: z.strictObject({ scoreThreshold: z.number() }).nullable(),
  /** AP by the IoU threshold of non-maximum suppression, over the first images; null: not measured. */
  suppression: z
    .strictObject({
      deployed: Share,
      /** The threshold with the highest AP; the deployed one wins a tie. */
      best: Share,
      gainAP: Share,
      images: Count,
      curve: z.array(z.strictObject({ iou: Share, AP: z.number(), AP50: z.number() })),
    })
    .nullable(),
  metrics: CocoMetrics,
  confidence: Confidence,
  /** The same model on the test split, which did not choose its checkpoint; null: the data set has none, or this is its report. */
  test: z.strictObject({ counts: Counts, metrics: CocoMetrics, confidence: Confidence }).nullable(),
  perClass: z.array(
    CocoMetrics.extend({
      categoryId: z.int(),
      name: z.string(),
      /** Ground-truth boxes without crowds. */
      boxes: Count,
      /** True positives at the best threshold. */
      correct: Count,
      /** True and false positives at the best threshold. */
      shown: Count,
    }),
  ),
  /** Precision-recall curves at IoU .5 and .75 of the classes that have boxes. */
  curves: z.array(
    z.strictObject({
      categoryId: z.int(),
      iou: z.number(),
      /** Precision at recall 0, .01, … 1. */
      precision: z.array(z.number()),
      /** The score at which each recall is reached. */
      scores: z.array(z.number()),
    }),
  ),
  /** By score threshold, over all classes. */
  operatingCurve: z.array(OperatingPoint),
  /** Errors at the threshold of the best F1; deltaAP50 is over all detections, whatever their score. */
  errors: z.strictObject({
    best: OperatingPoint,
    counts: perErrorType(Count),
    /** Shares of all errors; 0 where there are none. */
    shares: perErrorType(Share),
    /** True positives. */
    correct: Count,
    /** False negatives by cause: a detection of another class, a badly placed one, or none at all. */
    lost: z.strictObject({ cls: Count, loc: Count, bkg: Count }),
    /** The gain of AP50 if all errors of the type were fixed. */
    deltaAP50: perErrorType(Share),
    /** Boxes of one category that are detected as another only, the most frequent first. */
    confusions: z.array(
      z.strictObject({
        /** Category ids. */
        truth: z.int(),
        found: z.int(),
        count: Count,
        /** The share of the boxes of the true category. */
        share: Share,
      }),
    ),
  }),
  /** Recall at the best threshold of fifths of the boxes, from small to large, by the share of the image that they cover. */
  sizeRecall: z.array(
    z.strictObject({
      from: z.number(),
      to: z.number(),
      boxes: Count,
      /** null: there are no boxes. */
      recall: Share.nullable(),
    }),
  ),
  /** Errors of each image at the best threshold, images with the most errors first. */
  images: z.array(
    perErrorType(Count).extend({ imageId: z.int(), file: z.string(), boxes: Count, correct: Count }),
  ),
});
export type Report = z.infer<typeof Report>;

const REPORT_FILE = 'report.json';

export async function writeReport(folder: string, report: Report): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, REPORT_FILE), `${JSON.stringify(report)}\n`);
}

/** @throws REPORT_UNREADABLE */
export const readReport = (folder: string): Promise<Report> =>
  readJsonFile(join(folder, REPORT_FILE), Report, errors.reportUnreadable);
