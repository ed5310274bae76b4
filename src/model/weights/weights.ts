import { errors } from '../../errors/index.js';
import type { VariableSpec } from '../../graph/variables.js';
import type { ShapeMismatch } from '../../formats/imported-weights.js';

export interface WeightTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Removes the number that Keras appends to the stem of every further model in a process. */
export const canonicalName = (name: string): string =>
  name.replace(
    /\/stem(?:_\d+)?\/(conv2d|tpu_batch_normalization)(?:_\d+)?\//,
    (_, layer: string) => `/stem/${layer}/`,
  );

/** Weights from elsewhere, under the names of our variables. */
export type Weights = ReadonlyMap<string, WeightTensor>;

export interface Adoption {
  /** Adopted values by variable; NaN: the initial value stays. */
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly adopted: readonly string[];
  /** Variables that the source does not have. */
  readonly missing: readonly string[];
  /** Variables that the source has in another shape. */
  readonly mismatched: readonly ShapeMismatch[];
  /** Tensors of the source that no variable needs. */
  readonly extra: readonly string[];
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** @param place where they were read @throws WEIGHTS_NOT_FINITE */
export function assertFinite(weights: Weights, place: string): void {
  const names = [...weights].filter(([, { values }]) => !values.every(Number.isFinite)).map(([name]) => name);
  if (names.length > 0) throw errors.weightsNotFinite(place, names);
}

/** Selects the weights that fit by name and shape, and lists the others. */
export function adoptWeights(specs: readonly VariableSpec[], source: Weights): Adoption {
  const values = new Map<string, Float32Array>();
  const missing: string[] = [];
  const mismatched: ShapeMismatch[] = [];
  for (const { name, shape } of specs) {
    const found = source.get(name);
    if (!found) missing.push(name);
    else if (!sameShape(shape, found.shape)) mismatched.push({ name, expected: shape, found: found.shape });
    else values.set(name, found.values);
  }
  const wanted = new Set(specs.map(({ name }) => name));
  const extra = [...source.keys()].filter(name => !wanted.has(name));
  return { values, adopted: [...values.keys()], missing, mismatched, extra };
}
