import * as tf from '@tensorflow/tfjs-core';
import type { Hparams } from '../config/run.js';
import type { AnchorGrid } from '../detection/anchors.js';
import { decodeBoxes } from '../detection/detect.js';
import { type Answers, type Guide, softBoxLoss, softClassLoss } from './distillation.js';
import { focalLoss } from './focal.js';
import { boxLoss } from './huber.js';
import { iouLoss } from './iou.js';

export interface TargetTensors {
  /** int32 [batch, anchors], -1 for background. */
  readonly classTargets: tf.Tensor2D;
  /** [batch, anchors, 4] */
  readonly boxTargets: tf.Tensor3D;
  /** [batch] */
  readonly numPositives: tf.Tensor1D;
}

export interface LossInput {
  readonly student: Answers;
  readonly targets: TargetTensors;
  /** A teacher's answers on the same grid of anchors; null: nothing is distilled. */
  readonly teacher: Guide | null;
  readonly anchors: AnchorGrid;
  readonly numClasses: number;
  readonly hparams: Hparams;
}

/** One named part of the loss, before its weight. */
export interface LossTerm {
  readonly name: 'cls_loss' | 'box_loss' | 'box_iou_loss' | 'loss_soft_cls' | 'loss_soft_box';
  isUsed(input: Pick<LossInput, 'teacher' | 'hparams'>): boolean;
  compute(input: LossInput, normaliser: tf.Scalar): tf.Scalar;
}

/** The loss is the weighted sum of these; distillation adds terms, not another trainer. */
export const LOSS_TERMS: readonly LossTerm[] = [
  {
    name: 'cls_loss',
    isUsed: () => true,
    compute: ({ student, targets, hparams }, normaliser) => {
      const { alpha, gamma, label_smoothing: labelSmoothing } = hparams;
      return focalLoss(student.logits, targets.classTargets, { alpha, gamma, labelSmoothing, normaliser });
    },
  },
  {
    name: 'box_loss',
    isUsed: () => true,
    compute: ({ student, targets, hparams }, normaliser) =>
      boxLoss(student.deltas, targets.boxTargets, { delta: hparams.delta, normaliser }),
  },
  {
    name: 'box_iou_loss',
    isUsed: ({ hparams }) => hparams.iou_loss_type !== 'none',
    compute: ({ student, targets, anchors, hparams }, normaliser) => {
      const { iou_loss_type: kind } = hparams;
      if (kind === 'none') return tf.scalar(0);
      // Of anchors without a box nothing is decoded: their codes may be of any size. As in the reference, the mask of
      // Huber's loss also cuts the corners: where a code is exactly 0, so is the side of that number.
      const matched = tf.expandDims(tf.cast(tf.greaterEqual(targets.classTargets, 0), 'float32'), 2);
      const mask = tf.cast(tf.notEqual(targets.boxTargets, 0), 'float32');
      const [predicted, labelled] = [tf.mul(student.deltas, matched), targets.boxTargets].map(codes =>
        tf.mul(decodeBoxes(codes as tf.Tensor3D, anchors), mask),
      );
      return tf.div(tf.sum(iouLoss(predicted!, labelled!, kind)), tf.mul(normaliser, 4));
    },
  },
  {
    name: 'loss_soft_cls',
    isUsed: ({ teacher }) => teacher !== null,
    compute: ({ student, teacher }, normaliser) => softClassLoss(student, teacher!, normaliser),
  },
  {
    name: 'loss_soft_box',
    isUsed: ({ teacher }) => teacher !== null,
    compute: ({ student, teacher, hparams }) => softBoxLoss(student, teacher!, hparams.delta),
  },
];

/** Every term that has what it needs, before the weights. The normaliser is Σ positives + 1 over the batch. */
export function lossTerms(
  input: LossInput,
  terms: readonly LossTerm[] = LOSS_TERMS,
): Record<string, tf.Scalar> {
  const normaliser = tf.add(tf.sum(input.targets.numPositives), 1) as tf.Scalar;
  const used = terms.filter(term => term.isUsed(input));
  return Object.fromEntries(used.map(term => [term.name, term.compute(input, normaliser)]));
}

/** The loss as people write it. */
export const formula = (weights: Readonly<Record<string, number>>): string =>
  Object.entries(weights)
    .map(([name, weight]) => `${weight}·${name}`)
    .join(' + ');

/** Kernels of convolutions are decayed; biases, norms and fusion weights are not. */
export const isDecayed = (name: string): boolean => /(kernel|weight)$/.test(name);
