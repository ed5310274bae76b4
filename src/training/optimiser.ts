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

/** What brings a length down to `limit`, and leaves shorter ones alone: limit / max(length, limit). */
const damping = (lengths: tf.Tensor, limit: number): tf.Tensor => tf.div(limit, tf.maximum(lengths, limit));

/**
 * Each gradient by its own norm first, then all by their common one: google/automl `train_lib.py`. The norms are
 * handled as one vector: hundreds of variables would else add thousands of nodes, which cost more than they compute.
 */
export function clipGradients(
  gradients: readonly tf.Tensor[],
  limit: number,
): { clipped: tf.Tensor[]; globalNorm: tf.Scalar } {
  const lengths = tf.sqrt(tf.mul(tf.stack(gradients.map(halfSquares)), 2));
  const own = damping(lengths, limit);
  const globalNorm = tf.sqrt(tf.sum(tf.square(tf.mul(lengths, own)))) as tf.Scalar;
  const factors = tf.unstack(tf.mul(own, damping(globalNorm, limit)));
  return { clipped: gradients.map((gradient, i) => tf.mul(gradient, factors[i]!)), globalNorm };
}

interface Update extends Omit<Descent, 'slot' | 'gradient'> {
  readonly specs: readonly VariableSpec[];
  readonly gradients: readonly tf.Tensor[];
}

/** SGD with momentum, TensorFlow 1's form. */
export const applyMomentum = (
  variables: TrainedVariables,
  { specs, gradients, learningRate, momentum }: Update,
): void =>
  specs.forEach((spec, i) =>
    variables.descend(spec, { slot: momentumSpec(spec), gradient: gradients[i]!, learningRate, momentum }),
  );

/** average ← decay · average + (1 − decay) · what the step leaves of the variable */
export const updateAverage = (variables: TrainedVariables, spec: VariableSpec, decay: tf.Scalar): void =>
  variables.follow(averageSpec(spec), variables.next(spec), tf.sub(1, decay));
