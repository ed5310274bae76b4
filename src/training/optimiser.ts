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

const norm = (x: tf.Tensor): tf.Scalar => tf.sqrt(tf.sum(tf.square(x)));

/** Scales x down to a norm of at most `limit`. */
const limited = (x: tf.Tensor, length: tf.Scalar, limit: number): tf.Tensor =>
  tf.mul(x, tf.div(limit, tf.maximum(length, limit)));

/** Each gradient by its own norm first, then all by their common one: google/automl `train_lib.py`. */
export function clipGradients(
  gradients: readonly tf.Tensor[],
  limit: number,
): { clipped: tf.Tensor[]; globalNorm: tf.Scalar } {
  const single = gradients.map(gradient => limited(gradient, norm(gradient), limit));
  const squares = single.map(gradient => tf.sum(tf.square(gradient)));
  const globalNorm = tf.sqrt(tf.addN(squares)) as tf.Scalar;
  return { clipped: single.map(gradient => limited(gradient, globalNorm, limit)), globalNorm };
}

interface Update {
  readonly specs: readonly VariableSpec[];
  readonly gradients: readonly tf.Tensor[];
  readonly learningRate: tf.Scalar;
  readonly momentum: number;
}

/** SGD with momentum, TensorFlow 1's form: v ← m·v + g; w ← w − lr·v. @returns the new values, in the order of the specs. */
export function applyMomentum(
  variables: Variables,
  { specs, gradients, learningRate, momentum }: Update,
): tf.Tensor[] {
  return specs.map((spec, i) => {
    const slot = momentumSpec(spec);
    const velocity = tf.add(tf.mul(variables.read(slot), momentum), gradients[i]!);
    const value = tf.sub(variables.read(spec), tf.mul(learningRate, velocity));
    variables.assign(slot.name, velocity);
    variables.assign(spec.name, value);
    return value;
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
