import protobuf from 'protobufjs';
import { type XlaFunctionName, XLA_FUNCTIONS, type XlaFunction } from './xla-functions.js';
import {
  type Attribute,
  bytesOf,
  type Constant,
  type DataType,
  first,
  type Graph,
  type Node,
  type Output,
  type Shape,
} from './graph.js';
import { convert } from './mixed-precision.js';

/** The part of TensorFlow's messages that is written and read here; field numbers as in tensorflow/core/{framework,protobuf}. */
const PROTO = `
syntax = "proto3";
message TensorShapeProto { message Dim { int64 size = 1; string name = 2; } repeated Dim dim = 2; bool unknown_rank = 3; }
message TensorProto { int32 dtype = 1; TensorShapeProto tensor_shape = 2; bytes tensor_content = 4; repeated float float_val = 5 [packed = true];
  repeated int32 int_val = 7 [packed = true]; repeated bytes string_val = 8; repeated int64 int64_val = 10 [packed = true]; repeated bool bool_val = 11 [packed = true]; }
message ListValue { repeated bytes s = 2; repeated int64 i = 3 [packed = true]; repeated float f = 4 [packed = true]; repeated bool b = 5 [packed = true];
  repeated int32 type = 6 [packed = true]; repeated TensorShapeProto shape = 7; }
message NameAttrList { string name = 1; map<string, AttrValue> attr = 2; }
message AttrValue { oneof value { ListValue list = 1; bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6; TensorShapeProto shape = 7; TensorProto tensor = 8; NameAttrList func = 10; } }
message NodeDef { string name = 1; string op = 2; repeated string input = 3; string device = 4; map<string, AttrValue> attr = 5; }
message VersionDef { int32 producer = 1; int32 min_consumer = 2; }
message ArgDef { string name = 1; int32 type = 3; }
message OpDef { string name = 1; repeated ArgDef input_arg = 2; repeated ArgDef output_arg = 3; }
message FunctionDef { OpDef signature = 1; repeated NodeDef node_def = 3; map<string, string> ret = 4; map<string, AttrValue> attr = 5; }
message FunctionDefLibrary { repeated FunctionDef function = 1; }
message GraphDef { repeated NodeDef node = 1; FunctionDefLibrary library = 2; VersionDef versions = 4; }
message TensorInfo { string name = 1; int32 dtype = 2; TensorShapeProto tensor_shape = 3; }
message SignatureDef { map<string, TensorInfo> inputs = 1; map<string, TensorInfo> outputs = 2; string method_name = 3; }
message SaverDef { string filename_tensor_name = 1; string save_tensor_name = 2; string restore_op_name = 3; int32 max_to_keep = 4; bool sharded = 5; int32 version = 7; }
message BytesList { repeated bytes value = 1; }
message CollectionDef { oneof kind { BytesList bytes_list = 2; } }
message VariableDef { string variable_name = 1; string initializer_name = 2; string snapshot_name = 3; bool is_resource = 5; string initial_value_name = 6; bool trainable = 7; }
message MetaInfoDef { string meta_graph_version = 1; repeated string tags = 4; string tensorflow_version = 5; }
message MetaGraphDef { MetaInfoDef meta_info_def = 1; GraphDef graph_def = 2; SaverDef saver_def = 3; map<string, CollectionDef> collection_def = 4; map<string, SignatureDef> signature_def = 5; }
message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraphDef meta_graphs = 2; }
`;

const root = protobuf.parse(PROTO, { keepCase: true }).root;
export const message = (name: string): protobuf.Type => root.lookupType(name);

/** tensorflow/core/framework/types.proto. */
export const DATA_TYPES = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  resource: 20,
} as const satisfies Record<DataType, number>;

export const dataTypeOf = (value: number): DataType | undefined =>
  (Object.keys(DATA_TYPES) as DataType[]).find(name => DATA_TYPES[name] === value);

/** Written into every graph: the version of TensorFlow's operation set that the attributes follow. */
const PRODUCER = 1645;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export const shapeProto = (shape: Shape): object =>
  shape === null ? { unknown_rank: true } : { dim: shape.map(size => ({ size })) };

function tensorProto({ dtype, shape, values }: Constant): object {
  const header = { dtype: DATA_TYPES[dtype], tensor_shape: shapeProto(shape) };
  if (Array.isArray(values)) return { ...header, string_val: (values as readonly string[]).map(utf8) };
  return { ...header, tensor_content: bytesOf(values as Float32Array) };
}

function attributeProto(attribute: Attribute): object {
  if ('type' in attribute) return { type: DATA_TYPES[attribute.type] };
  if ('int' in attribute) return { i: attribute.int };
  if ('float' in attribute) return { f: attribute.float };
  if ('bool' in attribute) return { b: attribute.bool };
  if ('text' in attribute) return { s: utf8(attribute.text) };
  if ('ints' in attribute) return { list: { i: attribute.ints } };
  if ('types' in attribute) return { list: { type: attribute.types.map(type => DATA_TYPES[type]) } };
  if ('shapes' in attribute) return { list: { shape: attribute.shapes.map(shapeProto) } };
  if ('shape' in attribute) return { shape: shapeProto(attribute.shape) };
  if ('function' in attribute) return { func: { name: attribute.function } };
  return { tensor: tensorProto(attribute.tensor) };
}

export const outputName = ({ node, index }: Output): string =>
  index === 0 ? node.name : `${node.name}:${index}`;
/** An output's name in signatures, which always has the index. */
export const tensorName = ({ node, index }: Output): string => `${node.name}:${index}`;

function nodeProto(node: Node): object {
  return {
    name: node.name,
    op: node.op,
    input: [...node.inputs.map(outputName), ...node.controls.map(control => `^${control.name}`)],
    attr: Object.fromEntries(
      Object.entries(node.attributes).map(([key, value]) => [key, attributeProto(value)]),
    ),
  };
}

export function graphProto(nodes: readonly Node[]): object {
  const called = new Set<XlaFunctionName>();
  for (const { attributes } of nodes)
    for (const attribute of Object.values(attributes))
      if ('function' in attribute) called.add(attribute.function);
  return {
    node: nodes.map(nodeProto),
    ...(called.size > 0 && { library: { function: [...called].sort().map(functionProto) } }),
    versions: { producer: PRODUCER },
  };
}

/** TensorFlow's names of the outputs of operations, by which nodes of functions read them. */
const OUTPUTS = { Sigmoid: 'y', Rsqrt: 'y', Mul: 'z', AddV2: 'z', Sub: 'z' } as const;

function functionProto(name: XlaFunctionName): object {
  const { inputs, nodes, result }: XlaFunction = XLA_FUNCTIONS[name];
  const float = DATA_TYPES.float32;
  const wire = (source: string): string =>
    inputs.includes(source) ? source : `${source}:${OUTPUTS[nodes[source]!.op]}:0`;
  return {
    signature: {
      name,
      input_arg: inputs.map(input => ({ name: input, type: float })),
      output_arg: [{ name: 'result', type: float }],
    },
    node_def: Object.entries(nodes).map(([node, { op, inputs: read }]) => ({
      ...{ name: node, op, input: read.map(wire) },
      attr: { T: { type: float } },
    })),
    ret: { result: wire(result) },
    attr: { _XlaMustCompile: { b: true } },
  };
}

/** The bytes of a frozen graph file. */
export const encodeGraph = (nodes: readonly Node[]): Uint8Array =>
  message('GraphDef')
    .encode(message('GraphDef').fromObject(graphProto(nodes)))
    .finish();

interface NodeMessage {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, AttributeMessage>>;
}
interface ShapeMessage {
  readonly unknown_rank?: boolean;
  readonly dim?: readonly { size: number | { toNumber(): number } }[];
}
interface TensorMessage {
  readonly dtype: number;
  readonly tensor_shape?: ShapeMessage;
  readonly tensor_content: Uint8Array;
  readonly string_val: readonly Uint8Array[];
}
interface AttributeMessage {
  readonly value?: 'list' | 's' | 'i' | 'f' | 'b' | 'type' | 'shape' | 'tensor';
  readonly list?: { i: readonly (number | { toNumber(): number })[]; type: readonly number[] };
  readonly s?: Uint8Array;
  readonly i?: number | { toNumber(): number };
  readonly f?: number;
  readonly b?: boolean;
  readonly type?: number;
  readonly shape?: ShapeMessage;
  readonly tensor?: TensorMessage;
}

const integer = (value: number | { toNumber(): number }): number =>
  typeof value === 'number' ? value : value.toNumber();
const shapeFrom = (shape: ShapeMessage | undefined): number[] =>
  (shape?.dim ?? []).map(({ size }) => integer(size));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function constantFrom(tensor: TensorMessage): Constant {
  const dtype = dataTypeOf(tensor.dtype)!;
  const shape = shapeFrom(tensor.tensor_shape);
  if (dtype === 'string') return { dtype, shape, values: tensor.string_val.map(text) };
  // A copy that starts at its own buffer's beginning: what is decoded may be a view, unaligned.
  const bytes = new Uint8Array(tensor.tensor_content);
  if (dtype === 'float32') return { dtype, shape, values: new Float32Array(bytes.buffer) };
  if (dtype === 'int32') return { dtype, shape, values: new Int32Array(bytes.buffer) };
  if (dtype === 'int64') return { dtype, shape, values: new BigInt64Array(bytes.buffer) };
  return { dtype, shape, values: bytes };
}

function attributeFrom(attribute: AttributeMessage): Attribute {
  if (attribute.value === 'type') return { type: dataTypeOf(attribute.type!)! };
  if (attribute.value === 'i') return { int: integer(attribute.i!) };
  if (attribute.value === 'f') return { float: attribute.f! };
  if (attribute.value === 'b') return { bool: attribute.b! };
  if (attribute.value === 's') return { text: text(attribute.s!) };
  if (attribute.value === 'shape')
    return { shape: attribute.shape!.unknown_rank ? null : shapeFrom(attribute.shape) };
  if (attribute.value === 'tensor') return { tensor: constantFrom(attribute.tensor!) };
  if (attribute.list?.type.length) return { types: attribute.list.type.map(type => dataTypeOf(type)!) };
  return { ints: (attribute.list?.i ?? []).map(integer) };
}

/**
 * Adds the nodes of a frozen graph that `encodeGraph` wrote; `feeds` take the place of its placeholders. If the graph's
 * precision is bfloat16, all added nodes compute in bfloat16: without gradients, small differences cannot add up.
 * @returns looks up outputs by node name, as float32
 */
export function inlineGraph(
  graph: Graph,
  bytes: Uint8Array,
  feeds: Readonly<Record<string, Output>>,
): (name: string) => Output | undefined {
  const { node: nodes } = message('GraphDef').decode(bytes) as unknown as { node: readonly NodeMessage[] };
  const isShort = graph.precision === 'bfloat16';
  const known = new Map<string, Output>();
  /** Names of the nodes that stay float32: constants, which are converted where they are read. */
  const exact = new Set<string>();
  for (const [name, feed] of Object.entries(feeds))
    known.set(name, isShort ? convert(graph, feed, 'bfloat16') : feed);
  for (const { name, op, input, attr } of nodes) {
    if (known.has(name)) continue;
    const attributes = Object.fromEntries(
      Object.entries(attr).map(([key, value]) => [key, attributeFrom(value)]),
    );
    const isConstant = op === 'Const' || op === 'Fill';
    const controls = input.filter(wire => wire.startsWith('^')).map(wire => known.get(wire.slice(1))!.node);
    const inputs = input
      .filter(wire => !wire.startsWith('^'))
      .map((wire, position) => {
        const [source, index = '0'] = wire.split(':');
        const { node } = known.get(source!)!;
        const output = index === '0' ? known.get(source!)! : { node, index: Number(index) };
        const isRead = isConstant || (op === 'FusedBatchNormV3' && position > 0);
        return exact.has(source!) && !isRead ? convert(graph, output, 'bfloat16') : output;
      });
    const options = {
      attributes: isShort && !isConstant ? shortened(attributes) : attributes,
      controls,
      name,
    };
    known.set(name, first(graph.add(op, inputs, options)));
    if (isShort && isConstant && isFloat(attributes.T ?? attributes.dtype)) exact.add(name);
  }
  return name => {
    const output = known.get(name);
    return output && isShort && !exact.has(name) ? convert(graph, output, 'float32') : output;
  };
}

const isFloat = (attribute: Attribute | undefined): boolean =>
  attribute !== undefined && 'type' in attribute && attribute.type === 'float32';

/** Changes the type in which a node computes; the type of a batch norm's statistics, U, stays. */
const shortened = (attributes: Readonly<Record<string, Attribute>>): Record<string, Attribute> => ({
  ...attributes,
  ...(isFloat(attributes.T) && { T: { type: 'bfloat16' } }),
});
