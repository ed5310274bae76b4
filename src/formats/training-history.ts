import { z } from 'zod';
import type { SoftWeights } from '../config/run.js';
import { CocoMetrics } from './coco-metrics.js';

/** Terms of the loss that compare the outputs with the labels. */
export const HARD_TERMS = ['cls_loss', 'box_loss', 'box_iou_loss'] as const;
/** Terms of the loss that compare the outputs with those of a teacher. */
export const SOFT_TERMS = ['loss_soft_cls', 'loss_soft_box'] as const;
export type SoftTerm = (typeof SOFT_TERMS)[number];
export type TermName = (typeof HARD_TERMS)[number] | SoftTerm;

/** The configured weight of each distillation term. */
export const WEIGHT_OF = {
  loss_soft_cls: 'soft_cls_loss',
  loss_soft_box: 'soft_box_loss',
} as const satisfies Readonly<Record<SoftTerm, keyof SoftWeights>>;

/** The logged name of a distillation term before its weight. */
export const rawTerm = <T extends string>(term: T): `raw_${T}` => `raw_${term}`;
/** The logged name of the weight that a distillation term had in a step. */
export const weightOfTerm = <T extends string>(term: T): `weight_${T}` => `weight_${term}`;

/** The names of the hard terms of the auxiliary branch, which is the teacher of online distillation. */
export const auxiliaryTerm = <T extends string>(term: T): `aux_${T}` => `aux_${term}`;

/** Names of the terms of the loss that labels and weight decay give. */
export const OWN_TERMS: readonly string[] = [...HARD_TERMS, ...HARD_TERMS.map(auxiliaryTerm), 'l2_loss'];

/** The sum of `OWN_TERMS`: the loss without the terms of distillation, whose weights change. */
export const lossWithoutDistillation = (
  losses: Readonly<Record<string, number | null | undefined>>,
): number => OWN_TERMS.reduce((sum, name) => sum + (losses[name] ?? 0), 0);

/**
 * Names of the logged loss values. All but `loss` are terms as they enter the sum: multiplied by their weights. The terms of
 * distillation are logged before their weights, too, and so are the weights.
 */
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

/** The factors, each 1 at first and halved by roll-backs, of the learning rate and of the weights of distillation. */
export const Backoff = z.strictObject({ learning_rate: z.number(), distillation: z.number() });
export type Backoff = z.infer<typeof Backoff>;

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
  /** The warnings of the training, each once. */
  warnings: z.array(z.string()),
  /** Diverged steps. Each sent training back to the checkpoint of step `to`, and set `backoff` of the state. */
  rollbacks: z.array(
    z.strictObject({ step: z.int().min(0), reason: z.string(), to: z.int().min(0), backoff: Backoff }),
  ),
});
export type TrainingHistory = z.infer<typeof TrainingHistory>;
