import { sha256 } from '../files/hashing.js';
import type { XlaFunctionName } from './xla-functions.js';

/** Element types, under TensorFlow's names. */
export type DataType = 'float32' | 'bfloat16' | 'int32' | 'int64' | 'bool' | 'string' | 'uint8' | 'resource';

/** The precision of convolutions. Everything else, and every value between two of them, is float32. */
export type Precision = 'float32' | 'bfloat16';

/** How the nodes that are added to a graph compute. */
export interface ComputeOptions {
  readonly precision: Precision;
  /** Whether nodes call the functions of `xla-functions.ts` instead of computing the same step by step. */
  readonly useXla: boolean;
}

/** An attribute of a node, by the field of TensorFlow's AttrValue that holds it. */
export type Attribute =
  | { readonly type: DataType }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly ints: readonly number[] }
  | { readonly types: readonly DataType[] }
  | { readonly shapes: readonly Shape[] }
  | { readonly shape: Shape }
  | { readonly tensor: Constant }
  | { readonly function: XlaFunctionName };

/** -1 where a dimension is free; null where even the rank is. */
export type Shape = readonly number[] | null;

export interface Constant {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array | Uint8Array | readonly string[] | BigInt64Array;
}

export interface Node {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Output[];
  /** Nodes that must have run before this one. */
  readonly controls: readonly Node[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** One output of a node. */
export interface Output {
  readonly node: Node;
  readonly index: number;
}

export interface NodeOptions {
  readonly attributes?: Record<string, Attribute>;
  readonly controls?: readonly Node[];
  /** The name under which others find the node, made unique by a number; default: the operation's name. */
  readonly name?: string;
  /** The node reads or changes state, or stands for an input: never merged with an equal one. */
  readonly stateful?: boolean;
}

/** A TensorFlow graph that grows node by node; equal nodes are merged as they come. */
export class Graph {
  readonly nodes: Node[] = [];
  readonly #byContent = new Map<string, Node>();
  readonly #names = new Map<string, number>();
  readonly #ids = new Map<Node, number>();
  #scope = '';
  #computeOptions: ComputeOptions = { precision: 'float32', useXla: false };

  /** The precision of the convolutions that are added now. */
  get precision(): Precision {
    return this.#computeOptions.precision;
  }

  get useXla(): boolean {
    return this.#computeOptions.useXla;
  }

  /** Runs `build`; the nodes that it adds follow these options. */
  withComputeOptions<T>(options: Partial<ComputeOptions>, build: () => T): T {
    const outer = this.#computeOptions;
    this.#computeOptions = { ...outer, ...options };
    try {
      return build();
    } finally {
      this.#computeOptions = outer;
    }
  }

  /** Nodes added by `build` get names below `scope/`. */
  within<T>(scope: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = `${outer}${scope}/`;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  add(op: string, inputs: readonly Output[], options: NodeOptions = {}): Node {
    const { attributes = {}, controls = [], name = op, stateful = false } = options;
    if (stateful) return this.#append({ name: this.#unique(name), op, inputs, controls, attributes });
    const content = this.#describe(op, inputs, { attributes, controls });
    const equal = this.#byContent.get(content);
    if (equal) return equal;
    const node = this.#append({ name: this.#unique(name), op, inputs, controls, attributes });
    this.#byContent.set(content, node);
    return node;
  }

  constant(value: Constant, name = 'Const'): Output {
    return first(
      this.add('Const', [], { name, attributes: { dtype: { type: value.dtype }, value: { tensor: value } } }),
    );
  }

  /** An input of a signature. */
  placeholder(name: string, dtype: DataType, shape: Shape): Output {
    return first(
      this.add('Placeholder', [], {
        name,
        stateful: true,
        attributes: { dtype: { type: dtype }, shape: { shape } },
      }),
    );
  }

  /** Gives a loop's `Merge` node, which so far reads the value before the loop, the value that the loop's body returns. */
  addBackEdge(merge: Node, back: Output): void {
    (merge.inputs as Output[]).push(back);
  }

  /** Adds a node that is already made, under its own name. */
  adopt(node: Node): Node {
    this.#names.set(node.name, 1);
    return this.#append(node);
  }

  #append(node: Node): Node {
    this.#ids.set(node, this.nodes.length);
    this.nodes.push(node);
    return node;
  }

  #unique(name: string): string {
    const full = this.#scope + name;
    const count = this.#names.get(full) ?? 0;
    this.#names.set(full, count + 1);
    return count === 0 ? full : this.#unique(`${name}_${count}`);
  }

  #describe(
    op: string,
    inputs: readonly Output[],
    rest: { attributes: Record<string, Attribute>; controls: readonly Node[] },
  ): string {
    const wires = inputs.map(({ node, index }) => `${this.#ids.get(node)}:${index}`).join(',');
    const controls = rest.controls.map(node => this.#ids.get(node)).join(',');
    const attributes = Object.entries(rest.attributes).map(
      ([key, value]) => `${key}=${describeAttribute(value)}`,
    );
    return `${op}|${wires}|${controls}|${attributes.sort().join('|')}`;
  }
}

export const first = (node: Node): Output => ({ node, index: 0 });

/** As many outputs as a literal says; a list of them where the number is known only at run time. */
type Outputs<N extends number, T extends readonly Output[] = []> = number extends N
  ? Output[]
  : T['length'] extends N
    ? T
    : Outputs<N, [...T, Output]>;

export const outputsOf = <N extends number>(node: Node, count: N): Outputs<N> =>
  // The length is checked by nobody but is the one of the type.
  Array.from({ length: count }, (_, index) => ({ node, index })) as Outputs<N>;

function describeAttribute(attribute: Attribute): string {
  if (!('tensor' in attribute)) return JSON.stringify(attribute);
  const { dtype, shape, values } = attribute.tensor;
  const bytes = Array.isArray(values)
    ? JSON.stringify(values)
    : bytesOf(values as Exclude<typeof values, readonly string[]>);
  return `${dtype}[${shape.join(',')}]${sha256(bytes)}`;
}

export const bytesOf = (values: Float32Array | Int32Array | Uint8Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** The nodes that the roots need, in an order in which every node follows its inputs, except for the back edges of loops. */
export function prune(roots: readonly Node[]): Node[] {
  const kept = new Set<Node>();
  const begun = new Set<Node>();
  const stack: { node: Node; ready: boolean }[] = roots.map(node => ({ node, ready: false }));
  while (stack.length > 0) {
    const { node, ready } = stack.pop()!;
    if (ready) kept.add(node);
    if (ready || begun.has(node)) continue;
    begun.add(node);
    stack.push({ node, ready: true });
    for (const { node: input } of node.inputs)
      if (!begun.has(input)) stack.push({ node: input, ready: false });
    for (const control of node.controls) if (!begun.has(control)) stack.push({ node: control, ready: false });
  }
  return [...kept];
}
