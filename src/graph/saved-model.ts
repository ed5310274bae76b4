import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataType, type Node, type Output, prune, type Shape } from './graph.js';
import { DATA_TYPES, dataTypeOf, graphProto, message, shapeProto, tensorName } from './graph-def.js';
import type { VariableSpec } from './variables.js';

type Ports = Readonly<
  Record<string, { readonly output: Output; readonly dtype: DataType; readonly shape: Shape }>
>;

export interface Signature {
  readonly inputs: Ports;
  readonly outputs: Ports;
}

/** Nodes by which TensorFlow's loaders restore `variables/` themselves. */
export interface Saver {
  /** The prefix of the files. */
  readonly input: Output;
  readonly result: Output;
  readonly restore: Node;
}

export interface SavedModelContent {
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly variables: readonly VariableSpec[];
  readonly saver: Saver | null;
}

/** Writes saved_model.pb with what its signatures need. @returns nodes and bytes */
export async function writeSavedModel(
  folder: string,
  content: SavedModelContent,
): Promise<{ nodes: number; bytes: number }> {
  const { signatures, saver } = content;
  const roots = [...signatures.values()].flatMap(({ inputs, outputs }) =>
    [...Object.values(inputs), ...Object.values(outputs)].map(({ output }) => output.node),
  );
  const nodes = prune(saver ? [...roots, saver.result.node, saver.restore] : roots);
  const SavedModel = message('SavedModel');
  const model = SavedModel.fromObject({
    saved_model_schema_version: 1,
    meta_graphs: [metaGraph(nodes, content)],
  });
  const bytes = SavedModel.encode(model).finish();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'saved_model.pb'), bytes);
  return { nodes: nodes.length, bytes: bytes.length };
}

function metaGraph(nodes: readonly Node[], { signatures, variables, saver }: SavedModelContent): object {
  return {
    meta_info_def: { tags: ['serve'], tensorflow_version: '2.21.0' },
    graph_def: graphProto(nodes),
    signature_def: Object.fromEntries(
      [...signatures].map(([name, signature]) => [name, signatureProto(signature)]),
    ),
    ...(saver && {
      saver_def: saverProto(saver),
      collection_def: { variables: { bytes_list: { value: variableProtos(nodes, { variables, saver }) } } },
    }),
  };
}

function signatureProto({ inputs, outputs }: Signature): object {
  const infos = (ports: Ports): object =>
    Object.fromEntries(
      Object.entries(ports).map(([key, { output, dtype, shape }]) => [
        key,
        { name: tensorName(output), dtype: DATA_TYPES[dtype], tensor_shape: shapeProto(shape) },
      ]),
    );
  return { inputs: infos(inputs), outputs: infos(outputs), method_name: 'tensorflow/serving/predict' };
}

const saverProto = ({ input, result, restore }: Saver): object => ({
  filename_tensor_name: tensorName(input),
  save_tensor_name: tensorName(result),
  restore_op_name: restore.name,
  version: 2,
  max_to_keep: 5,
});

/** The messages by which Python's loader finds the variables. */
function variableProtos(
  nodes: readonly Node[],
  { variables, saver }: { variables: readonly VariableSpec[]; saver: Saver },
): Uint8Array[] {
  const VariableDef = message('VariableDef');
  const readsOf = nodes
    .filter(node => node.op === 'ReadVariableOp')
    .map(node => [node.inputs[0]!.node.name, node.name] as const);
  const reads = new Map(readsOf);
  return variables.map(({ name, trainable }) => {
    const read = `${reads.get(name)}:0`;
    const fields = {
      variable_name: `${name}:0`,
      initializer_name: saver.restore.name,
      snapshot_name: read,
      initial_value_name: read,
    };
    return VariableDef.encode(VariableDef.fromObject({ ...fields, is_resource: true, trainable })).finish();
  });
}

/** A tensor of a signature as protobuf's own JSON shows it; sizes are texts, since they may need 64 bits. */
interface TensorInfo {
  readonly dtype: string;
  readonly tensor_shape: {
    readonly dim: readonly { readonly size: string; readonly name: string }[];
    readonly unknown_rank: boolean;
  };
  readonly name: string;
}
type TensorInfos = Readonly<Record<string, TensorInfo>>;

/** protobuf's JSON of a SignatureDef, every field shown. */
export interface SignatureInfo {
  readonly inputs: TensorInfos;
  readonly outputs: TensorInfos;
  readonly method_name: string;
  readonly defaults: Readonly<Record<string, never>>;
}

/** TensorFlow's names of types in messages, where they are not our names after DT_. */
const DT_NAMES: Partial<Record<DataType, string>> = { float32: 'DT_FLOAT' };

interface TensorInfoMessage {
  readonly name: string;
  readonly dtype: number;
  readonly tensor_shape?: {
    readonly dim?: readonly { readonly size: { toString(): string }; readonly name: string }[];
    readonly unknown_rank?: boolean;
  };
}
type PortsMessage = Readonly<Record<string, TensorInfoMessage>>;

/** The signatures of the model in a folder, as its saved_model.pb states them. */
export async function readSignatures(folder: string): Promise<Readonly<Record<string, SignatureInfo>>> {
  const bytes = await readFile(join(folder, 'saved_model.pb'));
  const { meta_graphs: graphs } = message('SavedModel').decode(bytes) as unknown as {
    meta_graphs: readonly {
      signature_def: Readonly<
        Record<string, { inputs: PortsMessage; outputs: PortsMessage; method_name: string }>
      >;
    }[];
  };
  return Object.fromEntries(
    Object.entries(graphs[0]!.signature_def).map(([name, { inputs, outputs, method_name }]) => [
      name,
      { inputs: tensorInfos(inputs), outputs: tensorInfos(outputs), method_name, defaults: {} },
    ]),
  );
}

const tensorInfos = (ports: PortsMessage): TensorInfos =>
  Object.fromEntries(
    Object.entries(ports).map(([key, { name, dtype, tensor_shape: shape }]) => {
      const type = dataTypeOf(dtype)!;
      const dim = (shape?.dim ?? []).map(one => ({ size: one.size.toString(), name: one.name }));
      return [
        key,
        {
          dtype: DT_NAMES[type] ?? `DT_${type.toUpperCase()}`,
          tensor_shape: { dim, unknown_rank: shape?.unknown_rank ?? false },
          name,
        },
      ];
    }),
  );
