import * as tf from '@tensorflow/tfjs-core';
import type { Hparams } from '../config/run.js';
import { type Answers, softBoxLoss, softClassLoss } from './distillation.js';
import { focalLoss } from './focal.js';
import { boxLoss } from './huber.js';

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
  /** The frozen teacher's answers on the same anchors; null: nothing is distilled. */
  readonly teacher: Answers | null;
  readonly numClasses: number;
  readonly hparams: Hparams;
}

/** One named part of the loss, before its weight. */
export interface LossTerm {
  readonly name: 'cls_loss' | 'box_loss' | 'loss_soft_cls' | 'loss_soft_box';
  readonly needsTeacher: boolean;
  compute(input: LossInput, normaliser: tf.Scalar): tf.Scalar;
}

/** The loss is the weighted sum of these; distillation adds terms, not another trainer. */
export const LOSS_TERMS: readonly LossTerm[] = [
  {
    name: 'cls_loss',
    needsTeacher: false,
    compute: ({ student, targets, numClasses, hparams }, normaliser) => {
      // Not oneHot: it refuses a single class. Background (-1) equals none of them.
      const classes = tf.tensor1d(
        Int32Array.from({ length: numClasses }, (_, c) => c),
        'int32',
      );
      const labels = tf.cast(tf.equal(tf.expandDims(targets.classTargets, 2), classes), 'float32');
      const { alpha, gamma, label_smoothing: labelSmoothing } = hparams;
      return focalLoss(student.logits, labels, { alpha, gamma, labelSmoothing, normaliser });
    },
  },
  {
    name: 'box_loss',
    needsTeacher: false,
    compute: ({ student, targets, hparams }, normaliser) =>
      boxLoss(student.deltas, targets.boxTargets, { delta: hparams.delta, normaliser }),
  },
  {
    name: 'loss_soft_cls',
    needsTeacher: true,
    compute: ({ student, teacher }, normaliser) => softClassLoss(student, teacher!, normaliser),
  },
  {
    name: 'loss_soft_box',
    needsTeacher: true,
    compute: ({ student, teacher, hparams }) => softBoxLoss(student, teacher!, hparams.delta),
  },
];

/** Every term that has what it needs, before the weights. The normaliser is Σ positives + 1 over the batch. */
export function lossTerms(
  input: LossInput,
  terms: readonly LossTerm[] = LOSS_TERMS,
): Record<string, tf.Scalar> {
  const normaliser = tf.add(tf.sum(input.targets.numPositives), 1) as tf.Scalar;
  const usable = terms.filter(term => !term.needsTeacher || input.teacher);
  return Object.fromEntries(usable.map(term => [term.name, term.compute(input, normaliser)]));
}

/** The loss as people write it. */
export const formula = (weights: Readonly<Record<string, number>>): string =>
  Object.entries(weights)
    .map(([name, weight]) => `${weight}·${name}`)
    .join(' + ');

/** Kernels of convolutions are decayed; biases, norms and fusion weights are not. */
export const isDecayed = (name: string): boolean => /(kernel|weight)$/.test(name);
