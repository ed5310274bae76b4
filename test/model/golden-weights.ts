import * as tf from '@tensorflow/tfjs-core';
import type { Descent, TrainedVariables, VariableSpec } from '../../src/graph/variables.js';

// The rule is shared with the benchmarks.
export { golden, goldenValues } from '../../bench/fixtures/golden-weights.js';

/** Variables held as tensors of the active backend: the eager twin of a program's. */
export class EagerVariables implements TrainedVariables {
  readonly tensors = new Map<string, tf.Tensor>();
  readonly changed = new Map<string, tf.Tensor>();
  constructor(private readonly fill: (spec: VariableSpec) => Float32Array) {}

  read(spec: VariableSpec): tf.Tensor {
    let tensor = this.tensors.get(spec.name);
    if (!tensor) {
      tensor = tf.keep(tf.tensor(this.fill(spec), [...spec.shape]));
      this.tensors.set(spec.name, tensor);
    }
    return tensor;
  }
  follow(spec: VariableSpec, target: tf.Tensor, share: number | tf.Scalar): void {
    const value = this.read(spec);
    this.#change(spec, tf.sub(value, tf.mul(share, tf.sub(value, target))));
  }
  descend(spec: VariableSpec, { slot, gradient, learningRate, momentum }: Descent): void {
    const velocity = tf.add(tf.mul(this.read(slot), momentum), gradient);
    this.#change(slot, velocity);
    this.#change(spec, tf.sub(this.read(spec), tf.mul(learningRate, velocity)));
  }
  next(spec: VariableSpec): tf.Tensor {
    return this.changed.get(spec.name) ?? this.read(spec);
  }
  #change({ name }: VariableSpec, value: tf.Tensor): void {
    this.changed.set(name, tf.keep(value));
  }
  /** Ends the step: what was assigned becomes what is read. */
  commit(): void {
    for (const [name, value] of this.changed) this.tensors.set(name, value);
    this.changed.clear();
  }
}

/** The golden input: ((31·i + 7) mod 255) / 127.5 − 1. */
export const goldenImages = (height: number, width: number): Float32Array =>
  Float32Array.from({ length: height * width * 3 }, (_, i) => ((31 * i + 7) % 255) / 127.5 - 1);
