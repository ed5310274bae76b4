import { z } from 'zod';
import { CocoMetrics } from './coco-metrics.js';
import { ENGINES } from '../settings.js';

const Share = z.number().min(0).max(1);
const Count = z.int().min(0);

const perKind = <T extends z.ZodType>(
  value: T,
): z.ZodObject<Record<'cls' | 'loc' | 'both' | 'dup' | 'bkg' | 'miss', T>> =>
  z.strictObject({ cls: value, loc: value, both: value, dup: value, bkg: value, miss: value });

const OperatingPoint = z.strictObject({
  threshold: z.number(),
  precision: Share,
  recall: Share,
  f1: Share,
  accuracy: Share,
});

/** report.json: what a model does on a data set, and what it does badly. */
export const Report = z.strictObject({
  model: z.strictObject({
    name: z.string(),
    /** [height, width] */
    image_size: z.tuple([z.int(), z.int()]),
    /** What ran the network. */
    engine: z.enum(ENGINES),
  }),
  classes: z.array(z.string()),
  counts: z.strictObject({ images: Count, boxes: Count, detections: Count }),
  /** What the model was trained on; null: unknown. */
  training: z
    .strictObject({ images: Count, boxes: Count, boxesPerClass: z.record(z.string(), Count) })
    .nullable(),
  /** How the model is used; null: unknown. */
  deployed: z.strictObject({ scoreThreshold: z.number() }).nullable(),
  /** AP by the IoU threshold of the suppression, over the first images; null: not measured. */
  suppression: z
    .strictObject({
      deployed: Share,
      /** Of the highest AP; of equals the deployed one. */
      best: Share,
      gainAP: Share,
      images: Count,
      curve: z.array(z.strictObject({ iou: Share, AP: z.number(), AP50: z.number() })),
    })
    .nullable(),
  metrics: CocoMetrics,
  /** Of AP50, by bootstrap over the images; null: AP50 is undefined. */
  confidence: z
    .strictObject({ low: Share, high: Share, level: Share, resamples: z.int().positive() })
    .nullable(),
  perClass: z.array(
    CocoMetrics.extend({
      categoryId: z.int(),
      name: z.string(),
      boxes: Count,
      /** At the best threshold. */
      correct: Count,
      shown: Count,
    }),
  ),
  /** Precision at recall 0, .01, … 1. */
  curves: z.array(
    z.strictObject({
      categoryId: z.int(),
      iou: z.number(),
      precision: z.array(z.number()),
      scores: z.array(z.number()),
    }),
  ),
  /** By score threshold, over all classes. */
  operatingCurve: z.array(OperatingPoint),
  /** At the threshold of the best F1, but for deltaAP50. */
  errors: z.strictObject({
    best: OperatingPoint,
    counts: perKind(Count),
    shares: perKind(Share),
    correct: Count,
    lost: z.strictObject({ cls: Count, loc: Count, bkg: Count }),
    deltaAP50: perKind(Share),
    confusions: z.array(z.strictObject({ truth: z.int(), found: z.int(), count: Count, share: Share })),
  }),
  /** At the best threshold, fifths of the boxes from small to large, as shares of the image. */
  sizeRecall: z.array(
    z.strictObject({ from: z.number(), to: z.number(), boxes: Count, recall: Share.nullable() }),
  ),
  /** At the best threshold, images with the most errors first. */
  images: z.array(
    perKind(Count).extend({ imageId: z.int(), file: z.string(), boxes: Count, correct: Count }),
  ),
});
export type Report = z.infer<typeof Report>;
