import { z } from 'zod';
import { CocoMetrics } from './coco-metrics.js';

/** Terms of the loss that compare the outputs with the labels. */
export const HARD_TERMS = ['cls_loss', 'box_loss', 'box_iou_loss'] as const;
/** Terms of the loss that compare the outputs with those of a teacher. */
export const SOFT_TERMS = ['loss_soft_cls', 'loss_soft_box'] as const;
export type TermName = (typeof HARD_TERMS | typeof SOFT_TERMS)[number];

/** The names of the hard terms of the auxiliary branch, which is the teacher of online distillation. */
export const auxiliaryTerm = <T extends string>(term: T): `aux_${T}` => `aux_${term}`;

/** Names of the logged loss values. All but `loss` are terms as they enter the sum: multiplied by their weights. */
export const LOSS_NAMES = [
  'loss',
  ...HARD_TERMS,
  'l2_loss',
  ...SOFT_TERMS,
  ...HARD_TERMS.map(auxiliaryTerm),
] as const;

/** A logged number. The numbers of a diverged step are not finite: JSON carries them as null. */
const Logged = z
  .number()
  .or(z.nan())
  .or(z.literal([Infinity, -Infinity]))
  .nullable();

/** The logged values of a training, for advice and curves. */
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
  /** Metrics on the evaluation split. */
  evaluations: z.array(z.strictObject({ step: z.int().min(0), metrics: CocoMetrics })),
  /** Diverged steps. Each sent training back to a checkpoint and set `backoff_factor` of the state to `backoffFactor`. */
  rollbacks: z.array(z.strictObject({ step: z.int().min(0), reason: z.string(), backoffFactor: z.number() })),
});
export type TrainingHistory = z.infer<typeof TrainingHistory>;
