import * as tf from '@tensorflow/tfjs-core';
import type { Variables, VariableSpec } from '../graph/variables.js';

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
  const lengths = tf.sqrt(tf.stack(gradients.map(gradient => tf.sum(tf.square(gradient)))));
  const own = damping(lengths, limit);
  const globalNorm = tf.sqrt(tf.sum(tf.square(tf.mul(lengths, own)))) as tf.Scalar;
  const factors = tf.unstack(tf.mul(own, damping(globalNorm, limit)));
  return { clipped: gradients.map((gradient, i) => tf.mul(gradient, factors[i]!)), globalNorm };
}

interface Update {
  readonly specs: readonly VariableSpec[];
  readonly gradients: readonly tf.Tensor[];
  readonly learningRate: tf.Scalar;
  readonly momentum: number;
}

/** SGD with momentum, TensorFlow 1's form: v ← m·v + g; w ← w − lr·v. */
export function applyMomentum(
  variables: Variables,
  { specs, gradients, learningRate, momentum }: Update,
): void {
  specs.forEach((spec, i) => {
    const slot = momentumSpec(spec);
    const velocity = tf.add(tf.mul(variables.read(slot), momentum), gradients[i]!);
    const value = tf.sub(variables.read(spec), tf.mul(learningRate, velocity));
    variables.assign(slot.name, velocity);
    variables.assign(spec.name, value);
  });
}

/** average ← decay · average + (1 − decay) · value */
export function updateAverage(
  variables: Variables,
  spec: VariableSpec,
  { value, decay }: { value: tf.Tensor; decay: tf.Scalar },
): void {
  const average = averageSpec(spec);
  const previous = variables.read(average);
  variables.assign(average.name, tf.sub(previous, tf.mul(tf.sub(1, decay), tf.sub(previous, value))));
}
