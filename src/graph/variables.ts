import type * as tf from '@tensorflow/tfjs-core';

export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  /** Normal, or truncated at two standard deviations; `std` is the parameter, not the truncated result's. */
  | { readonly kind: 'normal' | 'truncated-normal'; readonly std: number }
  /** Uniform in [-limit, limit). */
  | { readonly kind: 'uniform'; readonly limit: number };

export interface VariableSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly trainable: boolean;
  readonly initializer: Initializer;
}

/** Where a network finds its weights: it declares each where it uses it. */
export interface Variables {
  /** The value of a variable during this step; the same tensor at every call. */
  read(spec: VariableSpec): tf.Tensor;
  /** Moves the variable towards what it follows, when this step has read it: v ← v − share · (v − target). */
  follow(spec: VariableSpec, target: tf.Tensor, share: number | tf.Scalar): void;
}

export interface Descent {
  /** The variable that holds the velocity. */
  readonly slot: VariableSpec;
  readonly gradient: tf.Tensor;
  readonly learningRate: tf.Scalar;
  readonly momentum: number;
}

/** … and where what trains it changes them. */
export interface TrainedVariables extends Variables {
  /** TensorFlow 1's momentum: slot ← momentum · slot + gradient, v ← v − learningRate · slot; when this step has read it. */
  descend(spec: VariableSpec, descent: Descent): void;
  /** The value that the step leaves. */
  next(spec: VariableSpec): tf.Tensor;
}

/** The same network's variables again, under names of their own. */
export const prefixed = (variables: Variables, prefix: string): Variables => ({
  read: spec => variables.read({ ...spec, name: `${prefix}${spec.name}` }),
  follow: (spec, target, share) =>
    variables.follow({ ...spec, name: `${prefix}${spec.name}` }, target, share),
});
