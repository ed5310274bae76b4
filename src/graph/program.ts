import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import {
  type DataType,
  first,
  Graph,
  type Node,
  type Output,
  outputsOf,
  prune,
  type Shape,
} from './graph.js';
import { DATA_TYPES, graphProto, message, shapeProto, tensorName } from './graph-def.js';
import './kernels/index.js';
import { recordingBackend } from './recording-backend.js';
import type { Initializer, Variables, VariableSpec } from './variables.js';

export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  /** The first dimension may have any size when the program runs; `shape` holds the one it is recorded with. */
  readonly freeBatch?: boolean;
}

interface Signature {
  readonly inputs: Readonly<Record<string, { output: Output; dtype: DataType; shape: Shape }>>;
  readonly outputs: Readonly<Record<string, { output: Output; dtype: DataType; shape: Shape }>>;
}

type Named<T> = Readonly<Record<string, T>>;

/** The step counter of a checkpoint, under TensorFlow's name. */
export const GLOBAL_STEP = 'global_step';

/** Records functions as signatures of one TensorFlow program that share its variables. */
export class ProgramBuilder {
  readonly graph = new Graph();
  readonly #variables = new Map<string, { spec: VariableSpec; dtype: DataType; handle: Output }>();
  readonly #signatures = new Map<string, Signature>();

  /** Variables in the order in which they were first read. */
  get variableSpecs(): VariableSpec[] {
    return [...this.#variables.values()].map(({ spec }) => spec);
  }

  /** Records `build`: inputs in, named outputs out; what it assigns is stored before the outputs are seen. */
  signature(
    name: string,
    inputs: Named<InputSpec>,
    build: (inputs: Record<string, tf.Tensor>, variables: Variables) => Named<tf.Tensor>,
    options: { readonly countsSteps?: boolean } = {},
  ): void {
    this.graph.within(name, () =>
      recordingBackend.record(this.graph, () => {
        const fed = Object.entries(inputs).map(([key, spec]) => [key, this.#placeholder(key, spec)] as const);
        const scope = new SignatureVariables(this);
        const results = build(Object.fromEntries(fed.map(([key, { tensor }]) => [key, tensor])), scope);
        const assigned = [...scope.store(), ...this.#counted(options)];
        const outputs = Object.entries(results).map(([key, tensor]) => {
          const output = this.#after(assigned, recordingBackend.outputOf(tensor), {
            name: key,
            dtype: tensor.dtype as DataType,
          });
          return [key, { output, dtype: tensor.dtype as DataType, shape: tensor.shape }] as const;
        });
        this.#signatures.set(name, {
          inputs: Object.fromEntries(
            fed.map(([key, { output, dtype, shape }]) => [key, { output, dtype, shape }]),
          ),
          outputs: Object.fromEntries(outputs),
        });
      }),
    );
  }

  /** Records into the program without making a signature of it. */
  record<T>(scope: string, build: (variables: Variables) => T): T {
    return this.graph.within(scope, () =>
      recordingBackend.record(this.graph, () => build(new SignatureVariables(this))),
    );
  }

  /** One more step in `global_step`, which checkpoints hold. */
  #counted({ countsSteps = false }: { readonly countsSteps?: boolean }): Node[] {
    if (!countsSteps) return [];
    const spec = {
      name: GLOBAL_STEP,
      shape: [],
      trainable: false,
      initializer: { kind: 'constant', value: 0 },
    } as const;
    const one = this.graph.constant({ dtype: 'int64', shape: [], values: BigInt64Array.of(1n) });
    const attributes = { dtype: { type: 'int64' } } as const;
    return [
      this.graph.add('AssignAddVariableOp', [this.variable(spec, 'int64'), one], {
        stateful: true,
        attributes,
      }),
    ];
  }

  /** A signature made of graph nodes; for what tfjs has no words for. */
  graphSignature(name: string, signature: Signature): void {
    this.#signatures.set(name, signature);
  }

  variable(spec: VariableSpec, dtype: DataType = 'float32'): Output {
    const known = this.#variables.get(spec.name);
    if (known) return known.handle;
    const attributes = {
      dtype: { type: dtype },
      shape: { shape: spec.shape },
      shared_name: { text: spec.name },
    } as const;
    // Variables keep their own names, outside the scope of the signature that meets them first.
    const node: Node = { name: spec.name, op: 'VarHandleOp', inputs: [], controls: [], attributes };
    const handle = first(this.graph.adopt(node));
    this.#variables.set(spec.name, { spec, dtype, handle });
    return handle;
  }

  read(spec: VariableSpec, dtype: DataType = 'float32'): Output {
    return first(
      this.graph.add('ReadVariableOp', [this.variable(spec, dtype)], {
        stateful: true,
        name: `read/${spec.name}`,
        attributes: { dtype: { type: dtype } },
      }),
    );
  }

  assign(handle: Output, value: Output, dtype: DataType = 'float32'): Node {
    return this.graph.add('AssignVariableOp', [handle, value], {
      stateful: true,
      attributes: { dtype: { type: dtype } },
    });
  }

  /** `initialize(seed int32 [2])`: every variable gets its initial value. */
  addInitialize(): void {
    this.graph.within('initialize', () => {
      const seed = this.graph.placeholder('seed', 'int32', [2]);
      const assigned = [...this.#variables.values()].map(({ spec, handle, dtype }, index) =>
        this.assign(handle, this.#initial(spec, { seed, index, dtype }), dtype),
      );
      this.#done('initialize', { seed: { output: seed, dtype: 'int32', shape: [2] } }, assigned);
    });
  }

  /** `save(prefix)` and `restore(prefix)`: a TensorFlow checkpoint of every variable, by TensorFlow's own nodes. */
  addCheckpointing(): void {
    const variables = [...this.#variables.values()];
    const types = variables.map(({ dtype }) => dtype);
    this.graph.within('save', () => {
      const prefix = this.graph.placeholder('prefix', 'string', []);
      const saved = this.#saveNode(
        prefix,
        variables.map(({ spec, dtype }) => this.read(spec, dtype)),
      );
      this.#done('save', { prefix: { output: prefix, dtype: 'string', shape: [] } }, [saved]);
    });
    this.graph.within('restore', () => {
      const prefix = this.graph.placeholder('prefix', 'string', []);
      const node = this.graph.add('RestoreV2', [prefix, ...this.#checkpointTables()], {
        stateful: true,
        attributes: { dtypes: { types } },
      });
      const values = outputsOf(node, variables.length);
      const assigned = variables.map(({ handle, dtype }, i) => this.assign(handle, values[i]!, dtype));
      this.#done('restore', { prefix: { output: prefix, dtype: 'string', shape: [] } }, assigned);
    });
  }

  /** `values()` gives and `adopt(values)` sets the float variables: how weights from elsewhere get in. */
  addAdoption(): void {
    const floats = [...this.#variables.values()].filter(({ dtype }) => dtype === 'float32');
    this.graph.within('values', () => {
      const outputs = floats.map(
        ({ spec }) =>
          [spec.name, { output: this.read(spec), dtype: 'float32' as const, shape: spec.shape }] as const,
      );
      this.#signatures.set('values', { inputs: {}, outputs: Object.fromEntries(outputs) });
    });
    this.graph.within('adopt', () => {
      const inputs = floats.map(
        ({ spec }) =>
          [
            spec.name,
            {
              output: this.graph.placeholder(spec.name, 'float32', spec.shape),
              dtype: 'float32' as const,
              shape: spec.shape,
            },
          ] as const,
      );
      const assigned = floats.map(({ handle }, i) => this.assign(handle, inputs[i]![1].output));
      this.#done('adopt', Object.fromEntries(inputs), assigned);
    });
  }

  /** Saver nodes as TensorFlow's own SavedModels have them, so that its loaders restore `variables/` by themselves. */
  addSaver(): void {
    const variables = [...this.#variables.values()];
    this.graph.within('saver', () => {
      const file = this.graph.constant({ dtype: 'string', shape: [], values: ['model'] }, 'filename');
      const input = first(
        this.graph.add('PlaceholderWithDefault', [file], {
          stateful: true,
          name: 'prefix',
          attributes: { dtype: { type: 'string' }, shape: { shape: [] } },
        }),
      );
      const saved = this.#saveNode(
        input,
        variables.map(({ spec, dtype }) => this.read(spec, dtype)),
      );
      const result = this.#after([saved], input, { name: 'saved', dtype: 'string' });
      const node = this.graph.add('RestoreV2', [input, ...this.#checkpointTables()], {
        stateful: true,
        attributes: { dtypes: { types: variables.map(({ dtype }) => dtype) } },
      });
      const values = outputsOf(node, variables.length);
      const assigned = variables.map(({ handle, dtype }, i) => this.assign(handle, values[i]!, dtype));
      const restore = this.graph.add('NoOp', [], { stateful: true, controls: assigned, name: 'restore_all' });
      this.#saver = { input, result, restore };
    });
  }
  #saver: { input: Output; result: Output; restore: Node } | undefined;

  /** Writes saved_model.pb. Nodes that no signature needs are dropped. */
  async write(folder: string): Promise<{ nodes: number; bytes: number }> {
    const roots = [...this.#signatures.values()].flatMap(({ inputs, outputs }) =>
      [...Object.values(inputs), ...Object.values(outputs)].map(({ output }) => output.node),
    );
    if (this.#saver) roots.push(this.#saver.result.node, this.#saver.restore);
    const nodes = prune(roots);
    const SavedModel = message('SavedModel');
    const bytes = SavedModel.encode(
      SavedModel.fromObject({ saved_model_schema_version: 1, meta_graphs: [this.#metaGraph(nodes)] }),
    ).finish();
    const file = join(folder, 'saved_model.pb');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    return { nodes: nodes.length, bytes: bytes.length };
  }

  #metaGraph(nodes: readonly Node[]): object {
    const saver = this.#saver && {
      saver_def: {
        filename_tensor_name: tensorName(this.#saver.input),
        save_tensor_name: tensorName(this.#saver.result),
        restore_op_name: this.#saver.restore.name,
        version: 2,
        max_to_keep: 5,
      },
      collection_def: { variables: { bytes_list: { value: this.#variableDefs(nodes) } } },
    };
    return {
      meta_info_def: { tags: ['serve'], tensorflow_version: '2.21.0' },
      graph_def: graphProto(nodes),
      signature_def: Object.fromEntries(
        [...this.#signatures].map(([name, signature]) => [name, signatureProto(signature)]),
      ),
      ...saver,
    };
  }

  #variableDefs(nodes: readonly Node[]): Uint8Array[] {
    const VariableDef = message('VariableDef');
    const reads = new Map(
      nodes.filter(node => node.op === 'ReadVariableOp').map(node => [node.inputs[0]!.node.name, node.name]),
    );
    return [...this.#variables.values()].map(({ spec }) =>
      VariableDef.encode(
        VariableDef.fromObject({
          variable_name: `${spec.name}:0`,
          initializer_name: this.#saver!.restore.name,
          snapshot_name: `${reads.get(spec.name)}:0`,
          is_resource: true,
          initial_value_name: `${reads.get(spec.name)}:0`,
          trainable: spec.trainable,
        }),
      ).finish(),
    );
  }

  #placeholder(
    name: string,
    { shape, dtype, freeBatch = false }: InputSpec,
  ): { tensor: tf.Tensor; output: Output; dtype: DataType; shape: Shape } {
    const written = freeBatch ? [-1, ...shape.slice(1)] : shape;
    const output = this.graph.placeholder(name, dtype, written);
    return { tensor: recordingBackend.tensorOf(output, { shape, dtype }), output, dtype, shape: written };
  }

  #after(nodes: readonly Node[], output: Output, { name, dtype }: { name: string; dtype: DataType }): Output {
    return first(
      this.graph.add('Identity', [output], {
        stateful: true,
        name,
        controls: nodes,
        attributes: { T: { type: dtype } },
      }),
    );
  }

  #done(name: string, inputs: Signature['inputs'], controls: readonly Node[]): void {
    const one = this.graph.constant({ dtype: 'int32', shape: [], values: Int32Array.of(1) });
    const output = this.#after(controls, one, { name: 'done', dtype: 'int32' });
    this.#signatures.set(name, { inputs, outputs: { done: { output, dtype: 'int32', shape: [] } } });
  }

  #checkpointTables(): [names: Output, slices: Output] {
    const names = [...this.#variables.keys()];
    const table = (values: string[]): Output =>
      this.graph.constant({ dtype: 'string', shape: [values.length], values });
    return [table(names), table(names.map(() => ''))];
  }

  #saveNode(prefix: Output, values: readonly Output[]): Node {
    const types = [...this.#variables.values()].map(({ dtype }) => dtype);
    return this.graph.add('SaveV2', [prefix, ...this.#checkpointTables(), ...values], {
      stateful: true,
      attributes: { dtypes: { types } },
    });
  }

  #initial(
    { shape, initializer }: VariableSpec,
    { seed, index, dtype }: { seed: Output; index: number; dtype: DataType },
  ): Output {
    const { graph } = this;
    const dims = graph.constant({ dtype: 'int32', shape: [shape.length], values: Int32Array.from(shape) });
    const float = { type: 'float32' } as const;
    const int = { type: 'int32' } as const;
    if (initializer.kind === 'constant') {
      const values =
        dtype === 'int64' ? BigInt64Array.of(BigInt(initializer.value)) : Float32Array.of(initializer.value);
      const value = graph.constant({ dtype, shape: [], values });
      return first(graph.add('Fill', [dims, value], { attributes: { T: { type: dtype }, index_type: int } }));
    }
    const offset = graph.constant({ dtype: 'int32', shape: [2], values: Int32Array.of(0, index) });
    const own = first(graph.add('AddV2', [seed, offset], { attributes: { T: int } }));
    const random = first(
      graph.add(RANDOM_OPS[initializer.kind], [dims, own], {
        attributes: { dtype: float, T: int, Tseed: int },
      }),
    );
    const [factor, shift] = scaleOf(initializer);
    const scalar = (value: number): Output =>
      graph.constant({ dtype: 'float32', shape: [], values: Float32Array.of(value) });
    const scaled = first(graph.add('Mul', [random, scalar(factor)], { attributes: { T: float } }));
    return first(graph.add('AddV2', [scaled, scalar(shift)], { attributes: { T: float } }));
  }
}

const RANDOM_OPS = {
  normal: 'StatelessRandomNormal',
  'truncated-normal': 'StatelessTruncatedNormal',
  uniform: 'StatelessRandomUniform',
} as const;

const scaleOf = (initializer: Exclude<Initializer, { kind: 'constant' }>): [factor: number, shift: number] =>
  initializer.kind === 'uniform' ? [2 * initializer.limit, -initializer.limit] : [initializer.std, 0];

function signatureProto({ inputs, outputs }: Signature): object {
  const infos = (entries: Signature['inputs']): object =>
    Object.fromEntries(
      Object.entries(entries).map(([key, { output, dtype, shape }]) => [
        key,
        { name: tensorName(output), dtype: DATA_TYPES[dtype], tensor_shape: shapeProto(shape) },
      ]),
    );
  return { inputs: infos(inputs), outputs: infos(outputs), method_name: 'tensorflow/serving/predict' };
}

/** The variables of one signature: read once each, stored at its end. */
class SignatureVariables implements Variables {
  readonly #tensors = new Map<string, tf.Tensor>();
  readonly #next = new Map<string, Output>();

  constructor(private readonly builder: ProgramBuilder) {}

  read(spec: VariableSpec): tf.Tensor {
    const known = this.#tensors.get(spec.name);
    if (known) return known;
    const tensor = recordingBackend.tensorOf(this.builder.read(spec), {
      shape: spec.shape,
      dtype: 'float32',
    });
    this.#tensors.set(spec.name, tensor);
    return tensor;
  }

  assign(name: string, value: tf.Tensor): void {
    // Resolved at once: tfjs may dispose the tensor before the step is over.
    this.#next.set(name, recordingBackend.outputOf(value));
  }

  store(): Node[] {
    return [...this.#next].map(([name, value]) => {
      const spec = this.builder.variableSpecs.find(candidate => candidate.name === name)!;
      return this.builder.assign(this.builder.variable(spec), value);
    });
  }
}
