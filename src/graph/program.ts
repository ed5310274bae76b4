import type * as tf from '@tensorflow/tfjs-core';
import { type DataType, first, Graph, type Node, type Output, prune, type Shape } from './graph.js';
import { graphText } from './graph-text.js';
import './kernels/index.js';
import { ProgramVariables, SignatureVariables } from './program-variables.js';
import { recordingBackend } from './recording-backend.js';
import { type Saver, type Signature, writeSavedModel } from './saved-model.js';
import type { TrainedVariables, Variables, VariableSpec } from './variables.js';

export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  /** The first dimension may have any size when the program runs; `shape` holds the one it is recorded with. */
  readonly freeBatch?: boolean;
}

type Named<T> = Readonly<Record<string, T>>;

interface SignatureOptions {
  /** Running it adds one to `global_step`, which checkpoints hold. */
  readonly countsSteps?: boolean;
}

/** The step counter of a checkpoint, under TensorFlow's name. */
const GLOBAL_STEP: VariableSpec = {
  name: 'global_step',
  shape: [],
  trainable: false,
  initializer: { kind: 'constant', value: 0 },
};

const PREFIX = { dtype: 'string', shape: [] } as const;

/** Records functions as signatures of one TensorFlow program that share its variables. */
export class ProgramBuilder {
  readonly graph = new Graph();
  readonly #variables = new ProgramVariables(this.graph);
  readonly #signatures = new Map<string, Signature>();
  #saver: Saver | null = null;

  /** Variables in the order in which they were first read. */
  get variableSpecs(): VariableSpec[] {
    return this.#variables.all.map(({ spec }) => spec);
  }

  /** Records `build` as a signature. Variables that it changes are stored before the outputs are available. */
  signature(
    name: string,
    inputs: Named<InputSpec>,
    build: (inputs: Record<string, tf.Tensor>, variables: TrainedVariables) => Named<tf.Tensor>,
    options: SignatureOptions = {},
  ): void {
    this.graph.within(name, () =>
      recordingBackend.record(this.graph, () => {
        const fed = Object.entries(inputs).map(([key, spec]) => ({ key, ...this.#placeholder(key, spec) }));
        const scope = new SignatureVariables(this.graph, this.#variables);
        const results = build(Object.fromEntries(fed.map(({ key, tensor }) => [key, tensor])), scope);
        const counted = options.countsSteps ? [this.#variables.increment(GLOBAL_STEP)] : [];
        const stored = [...scope.changes, ...counted];
        const outputs = Object.entries(results).map(([key, tensor]) => {
          const dtype = tensor.dtype as DataType;
          const output = this.#after(stored, recordingBackend.outputOf(tensor), { name: key, dtype });
          return [key, { output, dtype, shape: tensor.shape }] as const;
        });
        this.#signatures.set(name, {
          inputs: Object.fromEntries(
            fed.map(({ key, output, dtype, shape }) => [key, { output, dtype, shape }]),
          ),
          outputs: Object.fromEntries(outputs),
        });
      }),
    );
  }

  /** Records into the program's graph without adding a signature. */
  record<T>(scope: string, build: (variables: Variables) => T): T {
    return this.graph.within(scope, () =>
      recordingBackend.record(this.graph, () => build(new SignatureVariables(this.graph, this.#variables))),
    );
  }

  /** Adds a signature made of graph nodes, for what tfjs cannot express. */
  graphSignature(name: string, signature: Signature): void {
    this.#signatures.set(name, signature);
  }

  /** Declares a variable that no signature has read yet. */
  declare(spec: VariableSpec): void {
    this.#variables.declare(spec);
  }

  /** Adds `initialize(seed int32 [2])`, which gives every variable its initial value. */
  addInitialize(): void {
    this.graph.within('initialize', () => {
      const seed = this.graph.placeholder('seed', 'int32', [2]);
      const inputs = { seed: { output: seed, dtype: 'int32', shape: [2] } } as const;
      this.#addProcedure('initialize', inputs, this.#variables.initialize(seed));
    });
  }

  /**
   * Adds `save(prefix)` and `restore(prefix)`, which write and read a TensorFlow checkpoint of every variable.
   * @param isPublished tells by name which variables `publish(prefix)` writes; default: there is no such signature
   */
  addCheckpointing({ isPublished }: { isPublished?: (name: string) => boolean } = {}): void {
    const add = (name: string, build: (prefix: Output) => Node[]): void =>
      this.graph.within(name, () => {
        const output = this.graph.placeholder('prefix', 'string', []);
        this.#addProcedure(name, { prefix: { output, ...PREFIX } }, build(output));
      });
    add('save', prefix => [this.#variables.save(prefix)]);
    add('restore', prefix => this.#variables.restore(prefix));
    if (isPublished) add('publish', prefix => [this.#variables.save(prefix, isPublished)]);
  }

  /** Adds `values()`, which gives the float variables, and `adopt(values)`, which sets them: for imported weights. */
  addAdoption(): void {
    const floats = this.#variables.all.filter(({ dtype }) => dtype === 'float32').map(({ spec }) => spec);
    const ports = (outputOf: (spec: VariableSpec) => Output): Signature['inputs'] =>
      Object.fromEntries(
        floats.map(spec => [spec.name, { output: outputOf(spec), dtype: 'float32', shape: spec.shape }]),
      );
    this.graph.within('values', () => {
      this.#signatures.set('values', { inputs: {}, outputs: ports(spec => this.#variables.read(spec)) });
    });
    this.graph.within('adopt', () => {
      const inputs = ports(({ name, shape }) => this.graph.placeholder(name, 'float32', shape));
      const stored = floats.map(({ name }) => this.#variables.assign(name, inputs[name]!.output));
      this.#addProcedure('adopt', inputs, stored);
    });
  }

  /** Adds the saver nodes by which TensorFlow's loaders restore `variables/` by themselves. */
  addSaver(): void {
    this.graph.within('saver', () => {
      const file = this.graph.constant({ dtype: 'string', shape: [], values: ['model'] }, 'filename');
      const attributes = { dtype: { type: 'string' }, shape: { shape: [] } } as const;
      const options = { stateful: true, name: 'prefix', attributes };
      const input = first(this.graph.add('PlaceholderWithDefault', [file], options));
      const result = this.#after([this.#variables.save(input)], input, { name: 'saved', dtype: 'string' });
      const controls = this.#variables.restore(input);
      const restore = this.graph.add('NoOp', [], { stateful: true, controls, name: 'restore_all' });
      this.#saver = { input, result, restore };
    });
  }

  /** The graph of one signature in text form. */
  textOf(name: string): string {
    const { outputs } = this.#signatures.get(name)!;
    return graphText(prune(Object.values(outputs).map(({ output }) => output.node)));
  }

  /** Writes saved_model.pb. Nodes that no signature needs are dropped. */
  write(folder: string): Promise<{ nodes: number; bytes: number }> {
    return writeSavedModel(folder, {
      signatures: this.#signatures,
      variables: this.variableSpecs,
      saver: this.#saver,
    });
  }

  #placeholder(
    name: string,
    { shape, dtype, freeBatch = false }: InputSpec,
  ): { tensor: tf.Tensor; output: Output; dtype: DataType; shape: Shape } {
    const written = freeBatch ? [-1, ...shape.slice(1)] : shape;
    const output = this.graph.placeholder(name, dtype, written);
    return { tensor: recordingBackend.tensorOf(output, { shape, dtype }), output, dtype, shape: written };
  }

  /** The output, available only after the nodes have run. */
  #after(
    controls: readonly Node[],
    output: Output,
    { name, dtype }: { name: string; dtype: DataType },
  ): Output {
    const options = { stateful: true, name, controls, attributes: { T: { type: dtype } } };
    return first(this.graph.add('Identity', [output], options));
  }

  /** Adds a signature that only changes state. */
  #addProcedure(name: string, inputs: Signature['inputs'], controls: readonly Node[]): void {
    const one = this.graph.constant({ dtype: 'int32', shape: [], values: Int32Array.of(1) });
    const output = this.#after(controls, one, { name: 'done', dtype: 'int32' });
    this.#signatures.set(name, { inputs, outputs: { done: { output, dtype: 'int32', shape: [] } } });
  }
}
