import protobuf from 'protobufjs';

/** The part of ONNX's messages that is written and read here; field numbers as in onnx/onnx.proto. */
const PROTO = `
syntax = "proto3";
message StringStringEntryProto { string key = 1; string value = 2; }
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message TensorProto { repeated int64 dims = 1 [packed = true]; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
message TensorShapeProto { message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } } repeated Dimension dim = 1; }
message TypeProto { message Tensor { int32 elem_type = 1; TensorShapeProto shape = 2; } oneof value { Tensor tensor_type = 1; } }
message ValueInfoProto { string name = 1; TypeProto type = 2; }
message AttributeProto { string name = 1; float f = 2; int64 i = 3; bytes s = 4; repeated float floats = 7 [packed = true]; repeated int64 ints = 8 [packed = true];
  int32 type = 20; }
message NodeProto { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated AttributeProto attribute = 5; string domain = 7; }
message GraphProto { repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5; repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; }
message ModelProto { int64 ir_version = 1; string producer_name = 2; GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8; repeated StringStringEntryProto metadata_props = 14; }
`;

const ModelProto = protobuf.parse(PROTO, { keepCase: true }).root.lookupType('ModelProto');

/** The version of the main operator set. It has every operator that is used, and programs of 2023 already know it. */
export const OPSET = 18;
/** The file format that came with that operator set. */
const IR_VERSION = 8;

/** onnx.TensorProto.DataType. */
const DATA_TYPES = { float32: 1, uint8: 2, int32: 6, int64: 7 } as const;
export type OnnxType = keyof typeof DATA_TYPES;

/** onnx.AttributeProto.AttributeType. */
const ATTRIBUTE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

/** A string is the name of a free dimension. */
export type Dimension = number | string;

export interface Port {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly Dimension[];
}

export interface Initializer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array | BigInt64Array;
}

type AttributeValue = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** A number is an int; floats are written as `{ float }`. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of an .onnx file. */
export function encodeModel({ name, nodes, initializers, inputs, outputs, metadata }: OnnxModel): Uint8Array {
  const message = ModelProto.fromObject({
    ir_version: IR_VERSION,
    producer_name: 'detdistill',
    opset_import: [{ domain: '', version: OPSET }],
    metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name,
      node: nodes.map(nodeProto),
      initializer: initializers.map(tensorProto),
      input: inputs.map(portProto),
      output: outputs.map(portProto),
    },
  });
  return ModelProto.encode(message).finish();
}

/** Nodes with the constants that they take. */
interface Part {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
}

const NOTHING: Part = { nodes: [], initializers: [] };

/** The part of a decoded model that is used. */
interface ModelMessage {
  graph: { node: { input: string[] }[]; initializer: object[]; input: object[]; output: object[] };
}

interface Extension extends Pick<OnnxModel, 'inputs' | 'outputs'> {
  readonly before?: Part;
  readonly after: Part;
  /** The names of values that the model's own nodes read in place of its inputs, by those inputs' names. */
  readonly replaced?: Readonly<Record<string, string>>;
}

/** A model written by `encodeModel`, with nodes before and after its own and with other inputs and outputs. */
export function extendModel(
  bytes: Uint8Array,
  { before = NOTHING, after, replaced = {}, inputs, outputs }: Extension,
): Uint8Array {
  const model = ModelProto.decode(bytes);
  const { graph } = model as unknown as ModelMessage;
  const messages = (name: string, values: readonly object[]): object[] => {
    const type = ModelProto.root.lookupType(name);
    return values.map(value => type.fromObject(value));
  };
  const nodes = (part: Part) =>
    messages('NodeProto', part.nodes.map(nodeProto)) as unknown as typeof graph.node;
  for (const node of graph.node) node.input = node.input.map(name => replaced[name] ?? name);
  graph.node = [...nodes(before), ...graph.node, ...nodes(after)];
  graph.initializer.push(
    ...messages('TensorProto', [...before.initializers, ...after.initializers].map(tensorProto)),
  );
  graph.input = messages('ValueInfoProto', inputs.map(portProto));
  graph.output = messages('ValueInfoProto', outputs.map(portProto));
  return ModelProto.encode(model).finish();
}

const nodeProto = ({ op, inputs, outputs, attributes = {} }: OnnxNode): object => ({
  name: outputs[0],
  op_type: op,
  input: inputs,
  output: outputs,
  attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...attributeProto(value) })),
});

function attributeProto(value: AttributeValue): object {
  if (typeof value === 'number') return { type: ATTRIBUTE.int, i: value };
  if (typeof value === 'string') return { type: ATTRIBUTE.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { type: ATTRIBUTE.float, f: value.float };
  return { type: ATTRIBUTE.ints, ints: value };
}

const typeOf = (values: Initializer['values']): OnnxType =>
  values instanceof Float32Array ? 'float32' : values instanceof Int32Array ? 'int32' : 'int64';

const tensorProto = ({ name, shape, values }: Initializer): object => ({
  name,
  dims: shape,
  data_type: DATA_TYPES[typeOf(values)],
  raw_data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

const portProto = ({ name, type, shape }: Port): object => ({
  name,
  type: {
    tensor_type: {
      elem_type: DATA_TYPES[type],
      shape: {
        dim: shape.map(size => (typeof size === 'number' ? { dim_value: size } : { dim_param: size })),
      },
    },
  },
});
