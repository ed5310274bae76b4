import type { VariableSpec } from '../../graph/variables.js';

export interface WeightTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Weights from elsewhere, under the names of our variables. */
export type Weights = ReadonlyMap<string, WeightTensor>;

export interface Adoption {
  /** New values by variable. */
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly adopted: readonly string[];
  /** Variables that the source does not have. */
  readonly missing: readonly string[];
  /** Variables that it has in another shape. */
  readonly mismatched: readonly {
    readonly name: string;
    readonly expected: readonly number[];
    readonly found: readonly number[];
  }[];
  /** What it has and nothing wants. */
  readonly extra: readonly string[];
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** Takes what fits by name and shape, and says what did not. */
export function adoptWeights(specs: readonly VariableSpec[], source: Weights): Adoption {
  const values = new Map<string, Float32Array>();
  const missing: string[] = [];
  const mismatched: Adoption['mismatched'][number][] = [];
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
