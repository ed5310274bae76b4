import { z } from 'zod';
import { CocoMetrics } from './coco-metrics.js';

/** Names of the logged loss values. All but `loss` are terms as they enter the sum: multiplied by their weights. */
export const LOSS_NAMES = [
  'loss',
  'cls_loss',
  'box_loss',
  'box_iou_loss',
  'l2_loss',
  'loss_soft_cls',
  'loss_soft_box',
  // Of the branch that teaches online.
  'aux_cls_loss',
  'aux_box_loss',
  'aux_box_iou_loss',
] as const;

/** What training logged, for advice and curves. A diverged step's numbers are not finite: JSON carries them as null. */
const Logged = z
  .number()
  .or(z.nan())
  .or(z.literal([Infinity, -Infinity]))
  .nullable();

export const TrainingHistory = z.strictObject({
  stepsPerEpoch: z.int().positive(),
  totalSteps: z.int().positive(),
  points: z.array(
    z.strictObject({
      step: z.int().min(0),
      losses: z.record(z.string(), Logged),
      learningRate: z.number(),
      gradientNorm: Logged,
    }),
  ),
  /** On the evaluation split. */
  evaluations: z.array(z.strictObject({ step: z.int().min(0), metrics: CocoMetrics })),
  /** Steps that were not finite: training went back to a checkpoint and multiplied the soft weights by `softScale`. */
  rollbacks: z.array(z.strictObject({ step: z.int().min(0), reason: z.string(), softScale: z.number() })),
});
export type TrainingHistory = z.infer<typeof TrainingHistory>;
