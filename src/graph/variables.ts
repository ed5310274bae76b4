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

/** The weights of a network, which declares each one where it uses it. */
export interface Variables {
  /** The value of a variable during this step; the same tensor at every call. */
  read(spec: VariableSpec): tf.Tensor;
  /** Moves the variable towards a target after this step has read it: v ← v − share · (v − target). */
  follow(spec: VariableSpec, target: tf.Tensor, share: number | tf.Scalar): void;
}

export interface Descent {
  /** The variable that holds the velocity. */
  readonly slot: VariableSpec;
  readonly gradient: tf.Tensor;
  readonly learningRate: tf.Scalar;
  readonly momentum: number;
}

/** The weights of a network in training. */
export interface TrainedVariables extends Variables {
  /** TensorFlow 1's momentum, after this step has read the variable: slot ← momentum · slot + gradient, v ← v − learningRate · slot. */
  descend(spec: VariableSpec, descent: Descent): void;
  /** The value after the step. */
  next(spec: VariableSpec): tf.Tensor;
}

/** A second set of the same network's variables, under prefixed names. */
export const prefixed = (variables: Variables, prefix: string): Variables => ({
  read: spec => variables.read({ ...spec, name: `${prefix}${spec.name}` }),
  follow: (spec, target, share) =>
    variables.follow({ ...spec, name: `${prefix}${spec.name}` }, target, share),
});
