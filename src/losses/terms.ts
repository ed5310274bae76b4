import * as tf from '@tensorflow/tfjs-core';
import type { Hparams, SoftWeights } from '../config/run.js';
import type { AnchorGrid } from '../detection/anchors.js';
import { decodeBoxes } from '../detection/detect.js';
import {
  HARD_TERMS,
  rawTerm,
  SOFT_TERMS,
  type SoftTerm,
  type TermName,
} from '../formats/training-history.js';
import { type AnchorOutputs, softBoxLoss, softClassLoss, type SoftTargets } from './distillation.js';
import { focalLoss } from './focal.js';
import { boxLoss } from './huber.js';
import { iouLoss } from './iou.js';

export interface TargetTensors {
  /** int32 [batch, anchors]: class index, BACKGROUND or IGNORED. */
  readonly classTargets: tf.Tensor2D;
  /** [batch, anchors, 4] */
  readonly boxTargets: tf.Tensor3D;
  /** [batch] */
  readonly numPositives: tf.Tensor1D;
}

interface DistilledTerms {
  readonly targets: SoftTargets;
  readonly terms: readonly SoftTerm[];
  /** Anchors where the teacher's best class scores less are left out of the box term. */
  readonly minConfidence: number;
}

export interface LossInput {
  readonly student: AnchorOutputs;
  readonly targets: TargetTensors;
  /** Outputs of a teacher for anchors of the same grid, and the terms that compare with them; null: nothing is distilled. */
  readonly soft: DistilledTerms | null;
  readonly anchors: AnchorGrid;
  readonly hparams: Hparams;
}

interface WeightSources {
  readonly hparams: Hparams;
  /** The weights of distillation: fed at every step, because they follow a schedule. */
  readonly softWeights: Readonly<Record<keyof SoftWeights, tf.Scalar>>;
}

/** One part of the loss. */
export interface LossTerm {
  /** The factor of the term in the sum. */
  weight(sources: WeightSources): tf.Scalar | number;
  /** The value before its weight; null: the training does not use the term. */
  compute(input: LossInput, normaliser: tf.Scalar): tf.Scalar | null;
}

/** The loss is the weighted sum of these; distillation adds terms, not another trainer. */
export const LOSS_TERMS: Readonly<Record<TermName, LossTerm>> = {
  cls_loss: {
    weight: () => 1,
    compute: ({ student, targets, hparams }, normaliser) => {
      const { alpha, gamma, label_smoothing: labelSmoothing } = hparams;
      return focalLoss(student.logits, targets.classTargets, { alpha, gamma, labelSmoothing, normaliser });
    },
  },
  box_loss: {
    weight: ({ hparams }) => hparams.box_loss_weight,
    compute: ({ student, targets, hparams }, normaliser) =>
      boxLoss(student.deltas, targets.boxTargets, { delta: hparams.delta, normaliser }),
  },
  box_iou_loss: {
    weight: ({ hparams }) => hparams.iou_loss_weight,
    compute: ({ student, targets, anchors, hparams }, normaliser) => {
      const { iou_loss_type: kind } = hparams;
      if (kind === 'none') return null;
      // Deltas of anchors without a box may have any size and are set to 0 before they are decoded. As in the reference, the
      // mask of the Huber loss also applies to the corners: where a target delta is exactly 0, so is that corner's coordinate.
      const matched = tf.expandDims(tf.cast(tf.greaterEqual(targets.classTargets, 0), 'float32'), 2);
      const mask = tf.cast(tf.notEqual(targets.boxTargets, 0), 'float32');
      const decode = (deltas: tf.Tensor): tf.Tensor =>
        tf.mul(decodeBoxes(deltas as tf.Tensor3D, anchors), mask);
      const predicted = decode(tf.mul(student.deltas, matched));
      const labelled = decode(targets.boxTargets);
      return tf.div(tf.sum(iouLoss(predicted, labelled, kind)), tf.mul(normaliser, 4));
    },
  },
  loss_soft_cls: {
    weight: ({ softWeights }) => softWeights.soft_cls_loss,
    compute: ({ student, soft }, normaliser) => soft && softClassLoss(student, soft.targets, normaliser),
  },
  loss_soft_box: {
    weight: ({ softWeights }) => softWeights.soft_box_loss,
    compute: ({ student, soft, hparams }) =>
      soft && softBoxLoss(student, soft.targets, { delta: hparams.delta, minConfidence: soft.minConfidence }),
  },
};

interface ComputedTerm {
  readonly name: TermName;
  readonly value: tf.Scalar;
}

/** The normaliser is Σ positives + 1 over the batch. */
function computeTerms(input: LossInput): ComputedTerm[] {
  const normaliser = tf.add(tf.sum(input.targets.numPositives), 1) as tf.Scalar;
  return [...HARD_TERMS, ...(input.soft?.terms ?? [])].flatMap((name): ComputedTerm[] => {
    const value = LOSS_TERMS[name].compute(input, normaliser);
    return value ? [{ name, value }] : [];
  });
}

/** Every term that the training uses, before its weight. */
export const lossTerms = (input: LossInput): Record<string, tf.Scalar> =>
  Object.fromEntries(computeTerms(input).map(({ name, value }) => [name, value]));

/** Every term that the training uses, times its weight; and the terms of distillation before their weights, under `raw_…`. */
export function weightedTerms(
  input: LossInput,
  softWeights: WeightSources['softWeights'],
): { terms: Record<string, tf.Scalar>; raw: Record<string, tf.Scalar> } {
  const sources = { hparams: input.hparams, softWeights };
  const computed = computeTerms(input);
  const terms = computed.map(
    ({ name, value }) => [name, tf.mul(value, LOSS_TERMS[name].weight(sources)) as tf.Scalar] as const,
  );
  const raw = computed.flatMap(({ name, value }) =>
    SOFT_TERMS.some(soft => soft === name) ? [[rawTerm(name), value] as const] : [],
  );
  return { terms: Object.fromEntries(terms), raw: Object.fromEntries(raw) };
}

/** Weight decay applies to kernels of convolutions, not to biases, norms and fusion weights. */
export const isDecayed = (name: string): boolean => /(kernel|weight)$/.test(name);
