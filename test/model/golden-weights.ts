import * as tf from '@tensorflow/tfjs-core';
import type { Descent, TrainedVariables, VariableSpec } from '../../src/graph/variables.js';
import { fnv1a } from '../../src/random.js';

/** xorshift32 from the FNV-1a hash of the name, in [-1, 1). */
export function golden(name: string, count: number): Float32Array {
  let state = fnv1a(name);
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) / 2 ** 32) * 2 - 1;
  });
}

/** The weights that the golden numbers were made with. */
export function goldenValues({ name, shape }: VariableSpec): Float32Array {
  const u = golden(
    name,
    shape.reduce((a, b) => a * b, 1),
  );
  const last = name.split('/').at(-1)!;
  if (last === 'depthwise_kernel') return u.map(x => x * Math.sqrt(3 / (shape[0]! * shape[1]!)));
  if (last.endsWith('kernel')) return u.map(x => x * Math.sqrt(3 / (shape[0]! * shape[1]! * shape[2]!)));
  if (last === 'gamma') return u.map(x => 1 + 0.1 * x);
  if (last === 'moving_variance') return u.map(x => 1 + 0.5 * x);
  if (last.startsWith('WSM')) return u.map(x => 0.5 + x);
  return u.map(x => 0.1 * x);
}

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
