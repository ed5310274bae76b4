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
  /** The variable's next value, stored when the step is over. */
  assign(name: string, value: tf.Tensor): void;
}

/** The same network's variables again, under names of their own. */
export const prefixed = (variables: Variables, prefix: string): Variables => ({
  read: spec => variables.read({ ...spec, name: `${prefix}${spec.name}` }),
  assign: (name, value) => variables.assign(`${prefix}${name}`, value),
});
