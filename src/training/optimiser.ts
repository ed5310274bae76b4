import * as tf from '@tensorflow/tfjs-core';
import { halfSquares } from '../graph/ops.js';
import type { Descent, TrainedVariables, VariableSpec } from '../graph/variables.js';

export const momentumSpec = (spec: VariableSpec): VariableSpec => ({
  ...spec,
  name: `${spec.name}/Momentum`,
  trainable: false,
  initializer: { kind: 'constant', value: 0 },
});

export const averageSpec = (spec: VariableSpec): VariableSpec => ({
  ...spec,
  name: `${spec.name}/ExponentialMovingAverage`,
  trainable: false,
});

/** The factor that reduces a norm to `limit` and leaves smaller ones as they are: limit / max(norm, limit). */
const clipFactor = (norms: tf.Tensor, limit: number): tf.Tensor => tf.div(limit, tf.maximum(norms, limit));

/**
 * Clips each gradient by its own norm first, then all by their global norm, as google/automl `train_lib.py`. The norms are one
 * vector: separate nodes for hundreds of variables would cost more than what they compute.
 */
export function clipGradients(
  gradients: readonly tf.Tensor[],
  limit: number,
): { clipped: tf.Tensor[]; globalNorm: tf.Scalar } {
  const norms = tf.sqrt(tf.mul(tf.stack(gradients.map(halfSquares)), 2));
  const own = clipFactor(norms, limit);
  const globalNorm = tf.sqrt(tf.sum(tf.square(tf.mul(norms, own)))) as tf.Scalar;
  const factors = tf.unstack(tf.mul(own, clipFactor(globalNorm, limit)));
  return { clipped: gradients.map((gradient, i) => tf.mul(gradient, factors[i]!)), globalNorm };
}

interface Update extends Omit<Descent, 'slot' | 'gradient'> {
  readonly specs: readonly VariableSpec[];
  readonly gradients: readonly tf.Tensor[];
}

/** SGD with momentum in the form of TensorFlow 1. */
export const applyMomentum = (
  variables: TrainedVariables,
  { specs, gradients, learningRate, momentum }: Update,
): void =>
  specs.forEach((spec, i) =>
    variables.descend(spec, { slot: momentumSpec(spec), gradient: gradients[i]!, learningRate, momentum }),
  );

/** average ← decay · average + (1 − decay) · variable, with the variable's value after the step */
export const updateAverage = (variables: TrainedVariables, spec: VariableSpec, decay: tf.Scalar): void =>
  variables.follow(averageSpec(spec), variables.next(spec), tf.sub(1, decay));
