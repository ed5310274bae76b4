import type { Initializer, OnnxNode } from './model.js';

/** Appends nodes; each method returns the name of the value that its node computes. */
export class Nodes {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Initializer[] = [];

  constructor(private readonly scope: string) {}

  node(op: string, inputs: readonly string[], attributes?: OnnxNode['attributes']): string {
    const name = `${this.scope}/${op}_${this.nodes.length}`;
    this.nodes.push({ op, inputs, outputs: [name], attributes });
    return name;
  }
  nodeOfTwo(op: string, inputs: readonly string[], attributes?: OnnxNode['attributes']): [string, string] {
    const outputs = [0, 1].map(i => `${this.scope}/${op}_${this.nodes.length}_${i}`) as [string, string];
    this.nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }
  /** Appends a node whose value is an output of the model. */
  output(name: string, op: string, inputs: readonly string[], attributes?: OnnxNode['attributes']): void {
    this.nodes.push({ op, inputs, outputs: [name], attributes });
  }
  #numbers(shape: readonly number[], values: Initializer['values']): string {
    const name = `${this.scope}/numbers_${this.initializers.length}`;
    this.initializers.push({ name, shape, values });
    return name;
  }
  floats(shape: readonly number[], values: readonly number[] | Float32Array): string {
    return this.#numbers(shape, Float32Array.from(values));
  }
  ints(...values: number[]): string {
    return this.#numbers([values.length], BigInt64Array.from(values, BigInt));
  }
  int(value: number): string {
    return this.#numbers([], BigInt64Array.of(BigInt(value)));
  }
}
