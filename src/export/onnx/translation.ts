import type { Constant, Node, Output } from '../../graph/graph.js';
import type { Initializer, OnnxNode } from '../../onnx/model.js';

/** A constant. */
export interface Fixed {
  readonly kind: 'fixed';
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** A map that the model computes; held as NCHW, `shape` is TensorFlow's: [batch, height, width, channels]. */
export interface FeatureMap {
  readonly kind: 'map';
  readonly name: string;
  readonly shape: readonly number[];
}

/** A convolution that is not written yet: what follows may still become part of its weights. */
export interface Convolution {
  readonly kind: 'convolution';
  readonly name: string;
  readonly shape: readonly number[];
  readonly input: string;
  /** [outputs, inputs of a group, height, width] */
  readonly weights: Float32Array;
  readonly kernel: readonly [outputs: number, inputs: number, height: number, width: number];
  readonly bias: Float32Array | null;
  readonly attributes: NonNullable<OnnxNode['attributes']>;
}

export type Value = Fixed | FeatureMap | Convolution;

/** Collects the ONNX nodes and initializers that a TensorFlow graph becomes. */
export class Translation {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Initializer[] = [];
  readonly #values = new Map<Node, Value>();
  readonly #fixed = new Map<Fixed, string>();
  readonly #uses: ReadonlyMap<Node, number>;
  #count = 0;

  /** @param graph every node after those that it reads */
  constructor(graph: readonly Node[]) {
    const uses = new Map<Node, number>();
    for (const { node } of graph.flatMap(({ inputs }) => inputs)) uses.set(node, (uses.get(node) ?? 0) + 1);
    this.#uses = uses;
  }

  set(node: Node, value: Value): void {
    this.#values.set(node, value);
  }

  valueOf({ node }: Output): Value {
    return this.#values.get(node)!;
  }

  /** The convolution behind an output, where nothing else reads it: its weights may then change. */
  soleConvolution(output: Output): Convolution | null {
    const value = this.valueOf(output);
    return value.kind === 'convolution' && this.#uses.get(output.node) === 1 ? value : null;
  }

  /** The name of a value for a node that reads it; a convolution is written when the first one does. */
  nameOf(output: Output): string {
    const value = this.valueOf(output);
    if (value.kind === 'map') return value.name;
    if (value.kind === 'fixed') return this.#write(value);
    const map = this.#writeConvolution(value);
    this.#values.set(output.node, map);
    return map.name;
  }

  /** Appends a node of one output, which has the name of the TensorFlow node that it comes from. */
  emit(
    { op, inputs, attributes }: Omit<OnnxNode, 'outputs'>,
    { name, shape }: Omit<FeatureMap, 'kind'>,
  ): FeatureMap {
    this.nodes.push({ op, inputs, outputs: [name], attributes });
    return { kind: 'map', name, shape };
  }

  /** Adds numbers that a node reads and returns their name. */
  initializer(shape: readonly number[], values: Initializer['values']): string {
    const name = `weights_${this.#count++}`;
    this.initializers.push({ name, shape, values });
    return name;
  }

  /** Writes one number for each channel, or one for all, in a shape that broadcasts over NCHW maps. */
  #write(value: Fixed): string {
    const written = this.#fixed.get(value);
    if (written !== undefined) return written;
    const { values } = value;
    const name = this.initializer(values.length === 1 ? [] : [values.length, 1, 1], values);
    this.#fixed.set(value, name);
    return name;
  }

  #writeConvolution({ name, shape, input, weights, kernel, bias, attributes }: Convolution): FeatureMap {
    const inputs = [input, this.initializer(kernel, weights)];
    if (bias) inputs.push(this.initializer([bias.length], bias));
    return this.emit({ op: 'Conv', inputs, attributes }, { name, shape });
  }
}

export const fixedFrom = ({ shape, values }: Constant): Fixed => ({
  kind: 'fixed',
  shape,
  values: values as Float32Array | Int32Array, // networks have constants of no other type
});
