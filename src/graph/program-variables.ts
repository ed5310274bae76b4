import type * as tf from '@tensorflow/tfjs-core';
import { type DataType, first, type Graph, type Node, type Output, outputsOf } from './graph.js';
import { initialValue } from './initial-value.js';
import { recordingBackend } from './recording-backend.js';
import type { Descent, TrainedVariables, VariableSpec } from './variables.js';

const FLOAT = { T: { type: 'float32' } } as const;

interface ProgramVariable {
  readonly spec: VariableSpec;
  readonly dtype: DataType;
  readonly handle: Output;
}

/** The variables of a program as nodes: resources that all its signatures share. */
export class ProgramVariables {
  readonly #variables = new Map<string, ProgramVariable>();

  constructor(private readonly graph: Graph) {}

  /** All variables, in the order of their declaration. */
  get all(): readonly ProgramVariable[] {
    return [...this.#variables.values()];
  }

  /** The variable's resource; a new one keeps its own name, outside the scope of the signature that meets it first. */
  declare(spec: VariableSpec, dtype: DataType = 'float32'): Output {
    const known = this.#variables.get(spec.name);
    if (known) return known.handle;
    const attributes = {
      dtype: { type: dtype },
      shape: { shape: spec.shape },
      shared_name: { text: spec.name },
    } as const;
    const node: Node = { name: spec.name, op: 'VarHandleOp', inputs: [], controls: [], attributes };
    const handle = first(this.graph.adopt(node));
    this.#variables.set(spec.name, { spec, dtype, handle });
    return handle;
  }

  read(spec: VariableSpec, dtype: DataType = 'float32', controls: readonly Node[] = []): Output {
    const attributes = { dtype: { type: dtype } };
    const options = { stateful: true, name: `read/${spec.name}`, controls, attributes };
    return first(this.graph.add('ReadVariableOp', [this.declare(spec, dtype)], options));
  }

  /** @param name of a variable that has been declared */
  assign(name: string, value: Output): Node {
    const { handle, dtype } = this.#variables.get(name)!;
    const attributes = { dtype: { type: dtype } };
    return this.graph.add('AssignVariableOp', [handle, value], { stateful: true, attributes });
  }

  increment(spec: VariableSpec): Node {
    const one = this.graph.constant({ dtype: 'int64', shape: [], values: BigInt64Array.of(1n) });
    const attributes = { dtype: { type: 'int64' } } as const;
    const inputs = [this.declare(spec, 'int64'), one];
    return this.graph.add('AssignAddVariableOp', inputs, { stateful: true, attributes });
  }

  initialize(seed: Output): Node[] {
    return this.all.map(({ spec, dtype }, index) =>
      this.assign(spec.name, initialValue(this.graph, spec, { seed, index, dtype })),
    );
  }

  /** Writes variables into a checkpoint by TensorFlow's own node. @param isSaved tells by name; default: all */
  save(prefix: Output, isSaved: (name: string) => boolean = () => true): Node {
    const saved = this.all.filter(({ spec }) => isSaved(spec.name));
    const values = saved.map(({ spec, dtype }) => this.read(spec, dtype));
    const options = { stateful: true, attributes: { dtypes: { types: typesOf(saved) } } };
    return this.graph.add('SaveV2', [prefix, ...this.#checkpointTables(saved), ...values], options);
  }

  /** Reads them back from a checkpoint. */
  restore(prefix: Output): Node[] {
    const options = { stateful: true, attributes: { dtypes: { types: typesOf(this.all) } } };
    const node = this.graph.add('RestoreV2', [prefix, ...this.#checkpointTables(this.all)], options);
    const values = outputsOf(node, this.all.length);
    return this.all.map(({ spec }, i) => this.assign(spec.name, values[i]!));
  }

  #checkpointTables(variables: readonly ProgramVariable[]): [names: Output, slices: Output] {
    const names = variables.map(({ spec }) => spec.name);
    const table = (values: string[]): Output =>
      this.graph.constant({ dtype: 'string', shape: [values.length], values });
    return [table(names), table(names.map(() => ''))];
  }
}

const typesOf = (variables: readonly ProgramVariable[]): DataType[] => variables.map(({ dtype }) => dtype);

/** The variables of one signature: each is read once, and changed at most once, after that. */
export class SignatureVariables implements TrainedVariables {
  readonly #tensors = new Map<string, tf.Tensor>();
  readonly #changes = new Map<string, Node>();

  constructor(
    private readonly graph: Graph,
    private readonly variables: ProgramVariables,
  ) {}

  /** The nodes that change variables. */
  get changes(): readonly Node[] {
    return [...this.#changes.values()];
  }

  read(spec: VariableSpec): tf.Tensor {
    let tensor = this.#tensors.get(spec.name);
    if (!tensor) {
      tensor = this.#tensorOf(this.variables.read(spec), spec);
      this.#tensors.set(spec.name, tensor);
    }
    return tensor;
  }

  follow(spec: VariableSpec, target: tf.Tensor, share: number | tf.Scalar): void {
    const inputs = [this.#valueOf(spec), recordingBackend.outputOf(target)];
    const distance = first(this.graph.add('Sub', inputs, { attributes: FLOAT }));
    const part = typeof share === 'number' ? recordingBackend.scalar(share, 'float32') : recordingBackend.outputOf(share); // prettier-ignore
    this.#change(spec, 'ResourceApplyGradientDescent', [part, distance]);
  }

  descend(spec: VariableSpec, { slot, gradient, learningRate, momentum }: Descent): void {
    const inputs = [learningRate, gradient].map(tensor => recordingBackend.outputOf(tensor));
    const factor = recordingBackend.scalar(momentum, 'float32');
    this.#change(spec, 'ResourceApplyMomentum', [this.variables.declare(slot), ...inputs, factor]);
  }

  next(spec: VariableSpec): tf.Tensor {
    const change = this.#changes.get(spec.name);
    return change ? this.#tensorOf(this.variables.read(spec, 'float32', [change]), spec) : this.read(spec);
  }

  /** Changes a variable after the step has read it: TensorFlow then copies a value that is still in use. */
  #change(spec: VariableSpec, op: string, inputs: readonly Output[]): void {
    const controls = [this.#valueOf(spec).node];
    const options = { stateful: true, controls, attributes: FLOAT };
    this.#changes.set(spec.name, this.graph.add(op, [this.variables.declare(spec), ...inputs], options));
  }

  #valueOf(spec: VariableSpec): Output {
    return recordingBackend.outputOf(this.read(spec));
  }

  #tensorOf(output: Output, { shape }: VariableSpec): tf.Tensor {
    return recordingBackend.tensorOf(output, { shape, dtype: 'float32' });
  }
}
