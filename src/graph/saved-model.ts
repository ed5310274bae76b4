import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataType, type Node, type Output, prune, type Shape } from './graph.js';
import { DATA_TYPES, graphProto, message, shapeProto, tensorName } from './graph-def.js';
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

/** Python's loader finds the variables by these. */
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
